"""What the outside asks of us: imperative, frozen, already read from a message.

A ``completed`` becomes ``Linked`` (legs that happen together or not at all), a ``failed`` becomes ``Reverse``, a
``signup`` becomes ``OpenWallet``. A message whose own content breaks a rule still becomes a command, with an
``objection``: the check for a known id comes before every other (design rule 4), and it needs the books.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wallet_core.events import Vocabulary
from wallet_core.ledger import TransactionKind


class DeadLetterReason(StrEnum):
    """Why a message is set aside for a person (design rule 6)."""

    NO_USABLE_ID = "no_usable_id"
    TOO_LARGE = "too_large"
    UNSUPPORTED_VERSION = "unsupported_version"
    KEY_REUSED = "key_reused"
    UNANSWERABLE_ID = "unanswerable_id"
    ISOLATED_ERROR = "isolated_error"
    REVERSAL_SHORTFALL = "reversal_shortfall"
    LEGACY_TRANSACTION = "legacy_transaction"


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
    """Open the wallet of a user. ``objection`` is obeyed only when there is no wallet yet."""

    user_id: str
    occurred_at: datetime | None = None
    objection: SetAside | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """Raise the balance of a user's wallet. ``expected_version``: refuse unless the wallet has this version."""

    user_id: str
    amount_minor: int
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Debit:
    """Lower the balance of a user's wallet. ``expected_version``: refuse unless the wallet has this version."""

    user_id: str
    amount_minor: int
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Linked:
    """
    The legs of one ``completed`` under one idempotency key: all of them, or none.

    ``kind``, the parties and ``amount_minor`` are what could be read, for the record. ``legs`` is empty when there is
    an ``objection``. ``wait_is_over`` says that the event has waited long enough for a late signup: an unknown wallet
    is now a refusal.
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
    that the message does not carry the field. ``dead_letter_id`` is set at the last try: the dead letter that this
    copy of the message becomes if the reversal stays due.
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


Request = OpenWallet | Linked | Reverse
