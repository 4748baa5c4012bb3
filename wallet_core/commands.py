"""What the outside asks of us: imperative, frozen, already read from a message.

A ``completed`` becomes ``Linked`` (legs that happen together or not at all), a ``failed`` becomes ``Reverse``, a
``signup`` becomes ``OpenWallet``. A message whose own content breaks a rule still becomes a command, with an
``objection``: the check for a known id comes before every other (docs/events.md), and it needs the books.

What every event makes is a tuple, which is made three times as fast as a frozen dataclass; the rest are those.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from wallet_core.events import Vocabulary
from wallet_core.ledger import TransactionKind, TransactionRecord


class DeadLetterReason(StrEnum):
    """Why a message is set aside for a person; docs/events.md says what that person can do."""

    NO_USABLE_ID = "no_usable_id"
    """It is no JSON object, or has no id that it could be recorded under."""
    TOO_LARGE = "too_large"
    """Its body is longer than 64 KiB."""
    UNSUPPORTED_VERSION = "unsupported_version"
    """These rules do not know its major version."""
    KEY_REUSED = "key_reused"
    """Its id is that of a known transaction, and it says something else about it."""
    UNANSWERABLE_ID = "unanswerable_id"
    """It is in the v1 vocabulary, and its id is one that no v1 reader takes: they take 24 hex digits."""
    ISOLATED_ERROR = "isolated_error"
    """It failed alone, twice, while others are handled: it may have met a defect of ours."""
    REVERSAL_SHORTFALL = "reversal_shortfall"
    """What must go back has been spent, and was not there again after the last delay."""
    LEGACY_TRANSACTION = "legacy_transaction"
    """The wallet service before ours has applied what is to be taken back, or nobody knows whether it has."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The message breaks a rule: refuse it, with this reason as the answer (at most 200 characters)."""

    reason: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """The message cannot be judged: dead-letter it. ``detail`` is for the person who looks at it."""

    reason: DeadLetterReason
    detail: str


@dataclass(frozen=True, slots=True)
class OpenWallet:
    """
    Open the wallet of a user.

    ``occurred_at`` is when they signed up, if the message says so. ``objection`` is obeyed only when there is no wallet
    yet.
    """

    user_id: str
    occurred_at: datetime | None = None
    objection: SetAside | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """Raise the balance of a user's wallet. ``expected_version``: refuse unless it has this many entries."""

    user_id: str
    amount_minor: int
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Debit:
    """Lower the balance of a user's wallet. ``expected_version``: refuse unless it has this many entries."""

    user_id: str
    amount_minor: int
    expected_version: int | None = None


class Linked(NamedTuple):
    """
    The legs of one ``completed`` under one idempotency key: all of them, or none.

    ``fingerprint`` is the hash of its meaning: the same for a retry, another when an id is used twice. ``kind``, the
    parties and ``amount_minor`` are what could be read, for the record. ``occurred_at`` is when it completed, if the
    message says so. ``legs`` is empty when there is an ``objection``. ``wait_is_over`` says that the event has waited
    long enough for a late signup: an unknown wallet is now a refusal.
    """

    transaction_id: str
    fingerprint: str
    vocabulary: Vocabulary
    kind: TransactionKind | None
    sender_id: str | None
    recipient_id: str | None
    amount_minor: int | None
    legs: tuple[Credit | Debit, ...]
    description: str | None = None
    occurred_at: datetime | None = None
    objection: Refuse | SetAside | None = None
    wait_is_over: bool = False


@dataclass(frozen=True, slots=True)
class Carried:
    """A field that a ``failed`` carries: its value as read, None when it was there but cannot be read."""

    value: str | int | None


@dataclass(frozen=True, slots=True)
class Reverse:
    """
    Take back what a transaction did, or make sure that it never happens.

    ``kind`` ... ``amount_minor`` are the fields that the message carries, to be compared with the record; None means
    that the message does not carry the field. ``occurred_at`` is when it failed, if the message says so.
    ``dead_letter_id`` is set at the last try: the dead letter that this copy of the message becomes if the reversal
    stays due.
    """

    transaction_id: str
    vocabulary: Vocabulary
    kind: Carried | None
    initiator_id: Carried | None
    recipient_id: Carried | None
    amount_minor: Carried | None
    reason: str | None = None
    occurred_at: datetime | None = None
    objection: SetAside | None = None
    dead_letter_id: str | None = None

    def contradicts(self, record: TransactionRecord) -> bool:
        """Tell whether a field that we carry says something else than the recorded ``completed``, if there was one."""
        if record.fingerprint is None:
            return False
        compared: list[tuple[Carried | None, str | int | None]] = [
            (self.kind, record.kind),
            (self.initiator_id, record.initiator_id),
            (self.amount_minor, record.amount_minor),
        ]
        if record.kind is not TransactionKind.TOPUP:
            compared.append((self.recipient_id, record.recipient_id))
        return any(carried is not None and carried.value != recorded for carried, recorded in compared)


Request = OpenWallet | Linked | Reverse
"""What ``plan`` decides: one of these for each message that can be judged."""
