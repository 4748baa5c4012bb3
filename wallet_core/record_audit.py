"""
What a transaction's record must look like in each of its states (docs/events.md).

What a record alone says cannot be told from the truth: its time of origin, why it was refused (where record and answer
say the same), that it is legacy, and a refused or void one that is not there, or that nobody has asked for. Nor can the
fingerprint where something of the ``completed`` could not be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wallet_core.events import FinalStatus, TransactionFinalized
from wallet_core.ledger import Direction, Leg, TransactionKind, TransactionRecord, TransactionState
from wallet_core.messages import fingerprint_of

OUR_KINDS = frozenset({TransactionKind.OPENING, TransactionKind.ADOPTED})
"""Kinds that no producer has asked for: they have no fingerprint and no answer."""


@dataclass(frozen=True, slots=True)
class StateRule:
    """What a state implies: ``answers`` are the possible (revision, status), (0, None) for none."""

    answers: frozenset[tuple[int, FinalStatus | None]]
    has_legs: bool = False
    has_reversal_legs: bool = False
    is_due: bool = False


NO_ANSWER = (0, None)
COMPLETED = (1, FinalStatus.COMPLETED)
FAILED = (1, FinalStatus.FAILED)
FAILED_AFTER_ALL = (2, FinalStatus.FAILED)

RULES = {
    TransactionState.APPLIED: StateRule(frozenset({COMPLETED}), has_legs=True),
    TransactionState.REFUSED: StateRule(frozenset({FAILED})),
    TransactionState.VOID: StateRule(frozenset({NO_ANSWER, FAILED})),
    TransactionState.REVERSAL_DUE: StateRule(frozenset({COMPLETED}), has_legs=True, is_due=True),
    TransactionState.REVERSED: StateRule(frozenset({FAILED_AFTER_ALL}), has_legs=True, has_reversal_legs=True),
}
"""The state table of the design, as what is stored."""

OURS = StateRule(frozenset({NO_ANSWER}), has_legs=True)
"""An opening or adopted balance: applied, and nobody waits for an answer."""

LEGACY_RULES = {
    TransactionState.APPLIED: StateRule(frozenset({COMPLETED})),
    TransactionState.REFUSED: StateRule(frozenset({FAILED})),
    TransactionState.UNDECIDED: StateRule(frozenset({NO_ANSWER})),
}
"""A legacy transaction (``legacy``): its money moved before these books began, so it has no legs in any state."""


def record_contradictions(record: TransactionRecord) -> Iterator[str]:
    """Say what does not fit in a record; each text is for a person. Its entries are the matter of ``leg_audit``."""
    if record.kind in OUR_KINDS and record.state is not TransactionState.APPLIED:
        yield f"it is {record.kind} and can only be applied, not {record.state}"
        return
    rule = _rule_of(record)
    if rule is None:
        yield f"it is {record.state}, which a {'legacy ' if record.is_legacy else ''}transaction cannot be"
        return
    yield from _answer_contradictions(record, rule)
    yield from _leg_contradictions(record, rule)
    if rule.is_due != (record.due_since is not None):
        yield f"it is {record.state} and its reversal is {'not ' if rule.is_due else ''}due since a time"
    if record.dead_letter_id is not None and not rule.is_due:
        yield f"it is {record.state} and names dead letter {record.dead_letter_id}"
    if record.fingerprint is not None and fingerprint_of(record) not in (None, record.fingerprint):
        yield "its fingerprint is not that of its kind, parties, currency and amount"


def _rule_of(record: TransactionRecord) -> StateRule | None:
    if record.kind in OUR_KINDS:
        return OURS
    return (LEGACY_RULES if record.is_legacy else RULES).get(record.state)


def _answer_contradictions(record: TransactionRecord, rule: StateRule) -> Iterator[str]:
    answer = record.answer
    given = NO_ANSWER if answer is None else (answer.revision, answer.status)
    if given not in rule.answers:
        yield f"it is {record.state} and its answer is {_shown(given)}"
    if answer is None:
        return
    if answer.transaction_id != record.id or answer.user_id != record.initiator_id:
        yield f"its answer is about {answer.transaction_id} of user {answer.user_id}"
    if answer.status is FinalStatus.FAILED and not answer.reason:
        yield "its answer is failed without a reason"
    yield from _differences(record, answer)
    if record.fingerprint is None and not record.is_legacy:
        yield "it is answered and has no fingerprint"


def _differences(record: TransactionRecord, answer: TransactionFinalized) -> Iterator[str]:
    """Compare an answer with the record: it is made of it, in the same instant as the state that it tells."""
    reason = record.reason if answer.status is FinalStatus.FAILED else None
    if answer.reason != reason:
        yield f"its answer gives {_quoted(answer.reason)} as reason instead of {_quoted(reason)}"
    if answer.vocabulary is not record.vocabulary:
        yield f"its answer is in the vocabulary {answer.vocabulary}, the record in {record.vocabulary}"
    is_due = record.state is TransactionState.REVERSAL_DUE
    decided_at = record.recorded_at if is_due else record.changed_at
    if answer.finalized_at != decided_at:
        yield f"its answer is of {answer.finalized_at}, which is not when it was decided: {decided_at}"


def _leg_contradictions(record: TransactionRecord, rule: StateRule) -> Iterator[str]:
    expected = _expected_legs(record) if rule.has_legs else []
    legs = [(leg.user_id, leg.direction, leg.amount_minor) for leg in record.legs]
    if legs != expected:
        yield f"it is {record.state} and its legs are {_legs_shown(legs)} instead of {_legs_shown(expected)}"
    opposite = [_facts(leg, leg.direction.opposite) for leg in record.legs] if rule.has_reversal_legs else []
    if [_facts(leg, leg.direction) for leg in record.reversal_legs] != opposite:
        yield f"it is {record.state} and its reversal legs are not the opposite of its legs, or not to be there"


def _expected_legs(record: TransactionRecord) -> list[tuple[str | None, Direction, int | None]]:
    credit = (record.recipient_id, Direction.CREDIT, record.amount_minor)
    if record.kind is not TransactionKind.TRANSFER:
        return [credit]
    return [(record.sender_id, Direction.DEBIT, record.amount_minor), credit]


def _facts(leg: Leg, direction: Direction) -> tuple[str, str, Direction, int]:
    return leg.user_id, leg.wallet_id, direction, leg.amount_minor


def _shown(answer: tuple[int, FinalStatus | None]) -> str:
    return "absent" if answer[1] is None else f"{answer[1]} in revision {answer[0]}"


def _quoted(reason: str | None) -> str:
    return "nothing" if reason is None else repr(reason)


def _legs_shown(legs: list[tuple[str, Direction, int]] | list[tuple[str | None, Direction, int | None]]) -> str:
    return ", ".join(f"{direction} of {amount} for {user}" for user, direction, amount in legs) or "none"
