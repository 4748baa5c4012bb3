"""The demo's story: what the neighbours send, in order, and what each event should come to.

Ids are drawn anew for each run, so that a demo with kept data can be run again. Both vocabularies appear, as they do in
the field.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import orjson

from wallet_core.messages import Subject
from wallet_core.outcome import OutcomeKind


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the story."""

    name: str
    user_id: str = field(default_factory=lambda: secrets.token_hex(12))


@dataclass(frozen=True, slots=True)
class Expected:
    """An outcome to wait for, under the id that the event is known by; None for one without an id."""

    key: str | None
    outcome: OutcomeKind


@dataclass(frozen=True, slots=True)
class Step:
    """One event to send, the outcomes that it leads to, and the status that the transactions service then reads."""

    title: str
    subject: Subject
    body: bytes
    expected: tuple[Expected, ...]
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """The people and the steps."""

    people: Sequence[Person]
    steps: Sequence[Step]


def story() -> Scenario:
    """Draw the ids and tell the story."""
    ada, ben, cleo = Person("Ada"), Person("Ben"), Person("Cleo")
    topup, lunch, late, big, odd = (secrets.token_hex(12) for _ in range(5))
    ada_to_ben = {"type": "transfer", "userId": ada.user_id, "recipientId": ben.user_id}
    lunch_event = _completed(lunch, amount=Decimal("30.50"), description="Lunch", **ada_to_ben)
    applied, refused = OutcomeKind.APPLIED, OutcomeKind.REFUSED
    steps = (
        _signup("Ada signs up", ada, userId=ada.user_id, name=ada.name),
        _signup("Ben signs up, in v1's words", ben, id=ben.user_id, firstName=ben.name, role="user"),
        _step(
            "Ada tops up 100.00",
            _completed(topup, type="topup", userId=ada.user_id, amount=Decimal("100.00")),
            topup,
            applied,
            "completed",
        ),
        _step("Ada sends Ben 30.50", lunch_event, lunch, applied, "completed"),
        _step("the same event comes again", lunch_event, lunch, OutcomeKind.REPEATED, "completed"),
        _step(
            "Ben sends Cleo 10, who is not known yet",
            _completed(late, type="Transfer", fromUserId=ben.user_id, toUserId=cleo.user_id, amount=Decimal(10)),
            late,
            OutcomeKind.UNKNOWN_WALLET,
        ),
        Step(
            "Cleo signs up late: what waited for her is applied",
            Subject.SIGNUP,
            _json(userId=cleo.user_id, name=cleo.name),
            (Expected(cleo.user_id, OutcomeKind.OPENED), Expected(late, applied)),
            "Completed",
        ),
        Step(
            "Ben's transfer fails elsewhere: it is taken back",
            Subject.FAILED,
            _json(transactionId=late, type="Transfer", reason="Card was declined"),
            (Expected(late, OutcomeKind.REVERSED),),
            "Failed",
        ),
        _step(
            "Ben sends Ada 1000.00, and has 30.50",
            _completed(big, type="transfer", userId=ben.user_id, recipientId=ada.user_id, amount=Decimal("1000.00")),
            big,
            refused,
            "failed",
        ),
        _step(
            "Ada sends Ben a tenth of a cent",
            _completed(odd, amount=Decimal("0.001"), **ada_to_ben),
            odd,
            refused,
            "failed",
        ),
        _step("somebody sends something that is not JSON", b'{"transactionId": "507f1f77', None, OutcomeKind.SET_ASIDE),
    )
    return Scenario((ada, ben, cleo), steps)


def _signup(title: str, person: Person, **fields: str) -> Step:
    email = f"{person.name.lower()}@example.com"
    expected = (Expected(person.user_id, OutcomeKind.OPENED),)
    return Step(title, Subject.SIGNUP, _json(email=email, **fields), expected)


def _step(title: str, body: bytes, key: str | None, outcome: OutcomeKind, answer: str | None = None) -> Step:
    return Step(title, Subject.COMPLETED, body, (Expected(key, outcome),), answer)


def _completed(transaction_id: str, **fields: str | Decimal) -> bytes:
    return _json(transactionId=transaction_id, **fields)


def _json(**fields: str | Decimal) -> bytes:
    """Write a message; a Decimal becomes a number with exactly its digits."""
    return orjson.dumps(
        {name: orjson.Fragment(str(value)) if isinstance(value, Decimal) else value for name, value in fields.items()}
    )
