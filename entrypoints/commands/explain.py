"""``wallet explain``: why a transaction was applied or refused, and whether it would end so now."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.mongo.client import Database
from adapters.mongo.past import MongoPast
from entrypoints.commands.books import with_books
from entrypoints.deployment_policy import policy_of
from entrypoints.screen import hint, print_plain, print_rows
from entrypoints.settings import Settings
from wallet_core.events import TransactionFinalized
from wallet_core.explanation import ExplainedDecision, Explanation, Verdict, explain_transaction
from wallet_core.fields import iso_milliseconds
from wallet_core.ledger import TransactionRecord
from wallet_core.money import Currency
from wallet_core.outcome import OutcomeKind
from wallet_core.reasons import Holding, amount_text

COLUMNS = ("WALLET", "USER", "VERSION", "HELD", "CHANGE", "AFTER")

VERDICTS = {
    Verdict.SAME: "Decided again by the rules and settings of now: the same.",
    Verdict.DIFFERENT: "Decided again by the rules and settings of now: different.",
    Verdict.UNKNOWN: "It cannot be decided again.",
    Verdict.NOT_DECIDED: "There is nothing to decide again.",
}


async def explain(settings: Settings, transaction_id: str) -> int:
    """Print what there is to say; 1 if it would end otherwise, or nobody can tell; 2 if the books could not be read."""

    async def run(database: Database) -> int:
        past = MongoPast(database)
        explanation = await explain_transaction(transaction_id, past, policy_of(settings))
        _print(explanation, settings.wallet_currency)
        not_applied_at = await past.not_applied_at(explanation.transaction_id)
        if not_applied_at is not None:
            print_plain(f"A person has said that v1 had not applied it, at {iso_milliseconds(not_applied_at)}.")
        for step in explanation.next_steps:
            hint(step)
        return 0 if explanation.verdict in (Verdict.SAME, Verdict.NOT_DECIDED) else 1

    return await with_books(settings, run)


def _print(explanation: Explanation, currency: Currency) -> None:
    print_plain(f"{'transaction':<12} {explanation.transaction_id}")
    if explanation.record is not None:
        for name, value in _facts(explanation.record, currency):
            print_plain(f"{name:<12} {value}")
    for explained in explanation.decisions:
        _print_decision(explained, currency)
    print_plain("")
    for remark in explanation.remarks:
        print_plain(remark)
    print_plain(VERDICTS[explanation.verdict])


def _facts(record: TransactionRecord, currency: Currency) -> Iterator[tuple[str, str]]:
    kind = "of an unknown kind" if record.kind is None else record.kind.value
    amount_minor = record.amount_minor
    amount = "an unreadable amount" if amount_minor is None else amount_text(amount_minor, record.currency, currency)
    yield "state", f"{record.state.value}, since {iso_milliseconds(record.changed_at)}"
    yield "kind", f"{kind}, {amount}"
    if record.sender_id is not None:
        yield "from", record.sender_id
    if record.recipient_id is not None:
        yield "to", record.recipient_id
    yield "answer", "none" if record.answer is None else _answer(record.answer)


def _answer(answer: TransactionFinalized) -> str:
    reason = "" if answer.reason is None else f" ({answer.reason})"
    when = iso_milliseconds(answer.finalized_at)
    return f"{answer.status.value}{reason}, revision {answer.revision}, {answer.vocabulary.value} vocabulary, {when}"


def _print_decision(explained: ExplainedDecision, currency: Currency) -> None:
    decision = explained.decision
    is_refused = decision.outcome is OutcomeKind.REFUSED
    outcome = f"refused ({decision.then.reason})" if is_refused else decision.outcome.value
    print_plain(f"\n{decision.subject.value}, {iso_milliseconds(decision.at)}: {outcome}")
    for reason in explained.reasons:
        print_plain(f"  {reason}")
    if explained.holdings:
        print_rows(COLUMNS, [_row(holding, decision.then.currency, currency) for holding in explained.holdings])
    if explained.differences:
        print_rows(("FACT", "THEN", "NOW"), [(each.fact, each.then, each.now) for each in explained.differences])


def _row(holding: Holding, code: str, currency: Currency) -> tuple[str, ...]:
    sign = "+" if holding.change_minor > 0 else ""
    held = holding.held_minor
    return (
        holding.wallet_id or "none",
        holding.user_id,
        "" if holding.version is None else _range(str(holding.version.least), str(holding.version.most)),
        "" if held is None else _range(*(amount_text(minor, code, currency) for minor in (held.least, held.most))),
        f"{sign}{amount_text(holding.change_minor, code, currency)}",
        "" if holding.after_minor is None else amount_text(holding.after_minor, code, currency),
    )


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"
