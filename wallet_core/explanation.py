"""Explanations: why a transaction was applied or refused, with the numbers used, and whether it would end so now.

``explain_transaction`` recalls (``past``), takes the record apart (``decisions``), decides again (``replay``), and says
why (``reasons``). Nothing is written. What these rules have not decided is told as that: what the wallet service before
ours has done, and what is not in the books at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wallet_core.decisions import Decision, decisions_of
from wallet_core.drafts import State
from wallet_core.errors import VersionConflict
from wallet_core.fields import usable_id
from wallet_core.ledger import TransactionKind, TransactionRecord, TransactionState
from wallet_core.leg_audit import leg_contradictions
from wallet_core.outcome import OutcomeKind
from wallet_core.past import Past, Recollection, recall
from wallet_core.policy import Policy
from wallet_core.posting import plan
from wallet_core.reasons import Holding, holdings_of, reasons_of, waits_of
from wallet_core.record_audit import record_contradictions
from wallet_core.recorded_request import recorded_failed
from wallet_core.replay import Difference, decide_again

NOT_A_USABLE_ID = "No message can carry this id: one is 1 to 64 letters, digits, '_' and '-'."
NOT_IN_THE_BOOKS = "Nothing is recorded about this transaction: no event about it has been decided."
WHERE_IT_MAY_BE = (
    "It may have been set aside: 'wallet dead-letters list', and 'wallet dead-letters show ID' for a whole message.",
    (
        "It may wait for a late signup (queues wallet.retry.*), or not have been taken yet (wallet.update.q, "
        "wallet.revert.q): 'rabbitmqctl list_queues name messages_ready messages_unacknowledged'."
    ),
    "If it is nowhere, its producer has not sent it, or not to this deployment (DATABASE_URL, RABBITMQ_URL).",
)
CONTRADICTED = "What is recorded contradicts itself, so it cannot be decided again: run 'wallet audit'."
BY_V1 = "The wallet service before ours has ended it, before these books began: there is no decision of ours."
MAY_BE_BY_V1 = "The wallet service before ours may have applied it; nobody has said yet whether it has."
SAY_WHETHER = "Find out what happened (docs/operations.md, 'Decide what is undecided'), then 'wallet undecided'."
ADOPTED = "It is the balance that the wallet service before ours has left: taken over as it was, not decided."
OTHER_CURRENCY = "The books are not kept in WALLET_CURRENCY, so nothing can be decided again: set that to theirs."
STAYS = (
    "What is recorded stays as it is. See whether WALLET_WIRE, WALLET_REVERSAL_SHORTFALL and INITIAL_WALLET_BALANCE "
    "are set here as for the service; else its rules have changed since."
)
OR_A_CLOCK = "Or the clock of the process that decided it was wrong: by its time is told what its wallets held."
EXPECTED = "Its caller expected another version of a wallet than the current one, and which is not recorded."


class Verdict(StrEnum):
    """Whether a transaction would end now as it did. NOT_DECIDED: it was never for these rules to decide."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    NOT_DECIDED = "not_decided"


@dataclass(frozen=True, slots=True)
class ExplainedDecision:
    """One decision: what was decided, why, on which wallets, and whether it would be decided so again."""

    decision: Decision
    reasons: tuple[str, ...]
    holdings: tuple[Holding, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    What there is to say about one transaction.

    ``record`` is None if it is not in the books. ``remarks`` are about all of it, ``next_steps`` what a person may type
    or do.
    """

    transaction_id: str
    record: TransactionRecord | None
    verdict: Verdict
    decisions: tuple[ExplainedDecision, ...] = ()
    remarks: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()


async def explain_transaction(transaction_id: str, past: Past, policy: Policy) -> Explanation:
    """
    Explain one transaction by its id, as its producer or the books write it.

    Raises StoreUnavailable, and LedgerCorrupted where what is stored cannot be read or an entry is missing.
    """
    return explain(await recall(usable_id(transaction_id) or transaction_id, past), policy)


def explain(recollection: Recollection, policy: Policy) -> Explanation:
    """Explain what is recalled, under the policy of now. Raises LedgerCorrupted if an entry is missing."""
    record = recollection.record
    if record is None:
        return _unknown(recollection.transaction_id)
    contradictions = [*record_contradictions(record), *leg_contradictions(record, recollection.entries, {})]
    if contradictions:
        remarks = (CONTRADICTED, *contradictions)
        return Explanation(record.id, record, Verdict.UNKNOWN, remarks=remarks)
    if record.state is TransactionState.REFUSED and record.reason == VersionConflict.reason:
        return Explanation(record.id, record, Verdict.UNKNOWN, remarks=(EXPECTED,))
    if record.is_legacy or record.kind is TransactionKind.ADOPTED:
        return _not_ours(record)
    if record.currency != policy.currency.code:
        difference = Difference("currency", record.currency, policy.currency.code)
        return Explanation(record.id, record, Verdict.DIFFERENT, remarks=(_told(difference), OTHER_CURRENCY))
    return _decided(record, recollection, policy)


def _unknown(transaction_id: str) -> Explanation:
    if usable_id(transaction_id) is None:
        return Explanation(transaction_id, None, Verdict.UNKNOWN, remarks=(NOT_IN_THE_BOOKS, NOT_A_USABLE_ID))
    return Explanation(transaction_id, None, Verdict.UNKNOWN, remarks=(NOT_IN_THE_BOOKS,), next_steps=WHERE_IT_MAY_BE)


def _not_ours(record: TransactionRecord) -> Explanation:
    if record.kind is TransactionKind.ADOPTED:
        return Explanation(record.id, record, Verdict.NOT_DECIDED, remarks=(ADOPTED,))
    if record.state is TransactionState.UNDECIDED:
        return Explanation(record.id, record, Verdict.UNKNOWN, remarks=(MAY_BE_BY_V1,), next_steps=(SAY_WHETHER,))
    return Explanation(record.id, record, Verdict.NOT_DECIDED, remarks=(BY_V1,))


def _decided(record: TransactionRecord, recollection: Recollection, policy: Policy) -> Explanation:
    explained = [
        _explained(decision, recollection, policy) for decision in decisions_of(record, recollection, policy.currency)
    ]
    different = [each for each in explained if each.differences]
    next_steps: tuple[str, ...] = (STAYS,) if different else ()
    if any(not each.decision.is_exact for each in different):
        next_steps = (STAYS, OR_A_CLOCK)
    remarks = tuple(waits_of(record, recollection))
    if record.state is TransactionState.REVERSAL_DUE:
        next_steps = (_tried_now(record, recollection, policy), *next_steps)
    verdict = Verdict.DIFFERENT if different else Verdict.SAME
    return Explanation(record.id, record, verdict, tuple(explained), remarks, next_steps)


def _explained(decision: Decision, recollection: Recollection, policy: Policy) -> ExplainedDecision:
    again = decide_again(decision, policy)
    return ExplainedDecision(
        decision=decision,
        reasons=reasons_of(again, recollection, policy.currency),
        holdings=holdings_of(decision),
        differences=again.differences,
    )


def _tried_now(record: TransactionRecord, recollection: Recollection, policy: Policy) -> str:
    """Say what a reversal that is due would come to now. Raises LedgerCorrupted if its wallet is gone."""
    request = recorded_failed(record._replace(dead_letter_id=None), None, None)
    made = plan([request], State(recollection.wallets, {record.id: record}), policy, record.changed_at)
    if made.outcomes[0].kind is OutcomeKind.REVERSED:
        return (
            "Tried now, it would be taken back: 'wallet dead-letters replay --reason reversal_shortfall', or, if its "
            f"dead letter is lost, 'wallet publish transaction.failed --field transactionId={record.id}'."
        )
    return f"Tried now, it would still be due: {made.outcomes[0].reason}. Settle with the recipient first."


def _told(difference: Difference) -> str:
    return f"{difference.fact}: {difference.then} then, {difference.now} now."
