"""Replay: a decision is made again by the rules of now, on the state that it met, and compared with what is recorded.

Compared is all that ``plan()`` gives: outcome, record with its answer, and entries to their seals. Equal means that
neither the rules nor the policy of the deployment have changed for this transaction, and that nobody has changed the
books; what differs is named, field by field. Nothing is changed by it: what is recorded stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from wallet_core.commands import SetAside
from wallet_core.decisions import Decision
from wallet_core.drafts import State
from wallet_core.fields import iso_milliseconds
from wallet_core.ledger import Entry, Leg, TransactionRecord, TransactionState
from wallet_core.outcome import Outcome, set_aside
from wallet_core.policy import Policy
from wallet_core.posting import plan

LEFT_OUT = frozenset({"answer", "seen"})
"""Fields of a record that are not compared as they stand: an answer is, field by field; ``seen`` is what went in."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact, as it is recorded and as it would be now."""

    fact: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class Again:
    """
    A decision made again: on the first state that it may have met on which it ends as it did, if there is any.

    ``is_certain``: on all of them it ends so, or on none.
    """

    decision: Decision
    differences: tuple[Difference, ...]
    is_certain: bool


def decide_again(decision: Decision, policy: Policy) -> Again:
    """Decide on each state that it may have met."""
    tries = [tuple(_differences(decision, *_planned(decision, state, policy))) for state in decision.states]
    is_certain = all(tries) or not any(tries)
    return Again(decision, tries[0] if all(tries) else (), is_certain)


def _planned(
    decision: Decision, state: State, policy: Policy
) -> tuple[Outcome, TransactionRecord | None, tuple[Entry, ...]]:
    """Give outcome, record and entries; a message that cannot even be read any more never meets ``plan``."""
    request = decision.request
    if isinstance(request, SetAside):
        return set_aside(request.reason, request.detail), None, ()
    made = plan([request], state, policy, decision.at)
    changed = {record.id: record for record in (*made.records_new, *(each.record for each in made.records_changed))}
    return made.outcomes[0], changed.get(decision.then.id), made.entries


def _differences(
    decision: Decision, outcome: Outcome, record: TransactionRecord | None, entries: tuple[Entry, ...]
) -> Iterator[Difference]:
    then = decision.then
    if outcome.kind is not decision.outcome:
        yield Difference("outcome", _ended(decision.outcome, then.reason), _ended(outcome.kind, outcome.reason))
        return
    if record is None:
        yield Difference("record", then.state, "none")
        return
    if then.state is TransactionState.REVERSAL_DUE and not decision.is_exact:
        record = record._replace(reason=then.reason)  # it names a balance, which is not known
    in_the_record = tuple(_unequal("", _facts(then), _facts(record)))
    yield from in_the_record
    if in_the_record:
        return  # what differs in its entries follows from that
    for recorded, posted in zip(decision.entries, entries, strict=True):
        name = f"entry {recorded.wallet_id}/{recorded.sequence} "
        yield from _unequal(name, recorded._asdict(), posted._asdict())


def _unequal(prefix: str, then: Mapping[str, object], now: Mapping[str, object]) -> Iterator[Difference]:
    for name in dict.fromkeys((*then, *now)):
        was, is_ = then.get(name), now.get(name)
        if was != is_:
            yield Difference(f"{prefix}{name.replace('_', ' ')}", _shown(was), _shown(is_))


def _facts(record: TransactionRecord) -> dict[str, object]:
    facts = {name: value for name, value in record._asdict().items() if name not in LEFT_OUT}
    answer = {} if record.answer is None else record.answer._asdict()
    return facts | {f"answer_{name.removesuffix('_id')}": value for name, value in answer.items()}


def _ended(kind: str, reason: str | None) -> str:
    return kind if reason is None else f"{kind} ({reason})"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return iso_milliseconds(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):  # legs: the other facts that are tuples are left out or named field by field
        return ", ".join(map(_leg_shown, value)) or "none"
    return str(value)


def _leg_shown(leg: Leg) -> str:
    return f"{leg.direction} of {leg.amount_minor} as {leg.wallet_id}/{leg.sequence}"
