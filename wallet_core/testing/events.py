"""The messages of the neighbours, as a test writes them: each event under its routing key, in both vocabularies.

Amounts are in major units of the deployment's currency: ``100`` and ``Decimal("100.5")`` are dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from wallet_core.messages import Subject
from wallet_core.money import Currency

USD = Currency("USD", 2)
"""What a deployment keeps unless told otherwise."""

ALICE = "507f1f77bcf86cd799439011"
BOB = "507f1f77bcf86cd799439020"
CAROL = "507f1f77bcf86cd799439021"
DAVE = "507f1f77bcf86cd799439022"
"""Ids of users, 24 hex digits as every producer's."""

Message = dict[str, object]
"""A message as a test writes it; its numbers may be of any type."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message, and its routing key as ``subject``."""

    subject: Subject
    message: Message

    def but(self, **fields: object) -> Event:
        """Give the same event with some fields changed or added."""
        return Event(self.subject, {**self.message, **fields})

    def without(self, *names: str) -> Event:
        """Give the same event without some fields."""
        return Event(self.subject, {name: value for name, value in self.message.items() if name not in names})


def transaction_id(number: int) -> str:
    """Give the id of transaction ``number``: 24 hex digits, as every producer's."""
    return f"7{number:023x}"


def signup(user_id: str) -> Event:
    """Say that a user has signed up, in the documented vocabulary."""
    return Event(Subject.SIGNUP, {"userId": user_id})


def topup(id_: str, user_id: str, amount: object) -> Event:
    """Say that a top-up has completed, in the documented vocabulary; its amount is of any type, to see it refused."""
    return Event(Subject.COMPLETED, {"transactionId": id_, "type": "topup", "userId": user_id, "amount": amount})


def topup_v1(id_: str, user_id: str, amount: object) -> Event:
    """Say that a top-up has completed, in the v1 vocabulary."""
    return topup(id_, user_id, amount).but(type="TopUp")


def transfer(id_: str, sender_id: str, recipient_id: str, amount: object) -> Event:
    """Say that a transfer has completed, in the documented vocabulary."""
    parties: Message = {"userId": sender_id, "recipientId": recipient_id}
    return Event(Subject.COMPLETED, {"transactionId": id_, "type": "transfer", **parties, "amount": amount})


def transfer_v1(id_: str, sender_id: str, recipient_id: str, amount: object) -> Event:
    """Say that a transfer has completed, in the v1 vocabulary."""
    parties: Message = {"fromUserId": sender_id, "toUserId": recipient_id}
    return Event(Subject.COMPLETED, {"transactionId": id_, "type": "Transfer", **parties, "amount": amount})


def failed(id_: str, reason: str | None = None) -> Event:
    """Say that a transaction has failed, perhaps why, and nothing else: the same in both vocabularies."""
    bare = Event(Subject.FAILED, {"transactionId": id_})
    return bare if reason is None else bare.but(reason=reason)


def failed_as(completed: Event) -> Event:
    """Say that a transaction has failed, and carry every field of its ``completed``."""
    return Event(Subject.FAILED, completed.message)


FIELDS = ("type", "userId", "senderId", "recipientId", "fromUserId", "toUserId", "amount", "version", "reason")
"""The fields of a message on which a decision hangs, but for its id."""

HOSTILE_VALUES: tuple[object, ...] = (
    None,
    True,
    "",
    "60",
    -1,
    0,
    3,
    Decimal("0.001"),
    Decimal("1e999999"),
    10**15,
    [],
    {"$gt": ""},
    "2.0",
    "1.0",
    ALICE,
)
"""What a field may hold by mistake or malice: another type, an amount of another currency, a query, another's id."""
