"""The journal's vocabulary: immutable entries with their hash chain; the record of each transaction with its states.

What every event makes is a tuple, which is made three times as fast as a frozen dataclass; the rest are those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from json.encoder import encode_basestring_ascii as _text
from typing import NamedTuple

from wallet_core.events import TransactionFinalized, Vocabulary

GENESIS_HASH = bytes(32)
"""What stands before the first entry of every wallet: as many zero bytes as a SHA-256 has."""

ENTRY_FORM = 1
"""Version of ``canonical_bytes``; it is the first field, so that another form can never yield the same bytes."""

DEAD_LETTER_ID_LENGTH_MAX = 64
"""Longest id of a dead letter, in characters; a UUID has 36."""


class Direction(StrEnum):
    """Whether an entry raises (credit) or lowers (debit) the balance, from the owner's view."""

    CREDIT = "credit"
    DEBIT = "debit"

    @property
    def opposite(self) -> Direction:
        """The direction that cancels this one."""
        return Direction.DEBIT if self is Direction.CREDIT else Direction.CREDIT


class EntryKind(StrEnum):
    """Why an entry exists."""

    OPENING = "opening"
    """The deployment gives every new wallet a balance."""
    ADOPTED = "adopted"
    """The balance that the wallet service before ours has left."""
    TOPUP = "topup"
    """Money came in from outside."""
    TRANSFER = "transfer"
    """Money came from another wallet, or went there."""
    REVERSAL = "reversal"
    """An earlier entry of the same wallet is cancelled."""


class TransactionKind(StrEnum):
    """What a transaction is. Producers know the first two; the last two are our own and have no answer."""

    TOPUP = "topup"
    """Money comes in from outside."""
    TRANSFER = "transfer"
    """Money goes from one wallet to another."""
    OPENING = "opening"
    """A new wallet is given its opening balance."""
    ADOPTED = "adopted"
    """The balance of a wallet is taken over from the wallet service before ours."""


class TransactionState(StrEnum):
    """
    Where a transaction stands; docs/events.md says which event leads from which state to which.

    A transaction without a record has none of them.
    """

    APPLIED = "applied"
    """Its money has moved."""
    REFUSED = "refused"
    """It broke a rule: its money has not moved, and never will."""
    VOID = "void"
    """It failed before it completed: it may not complete any more."""
    REVERSAL_DUE = "reversal_due"
    """It has failed, and what it moved cannot go back yet."""
    REVERSED = "reversed"
    """It has failed, and what it moved has gone back."""
    UNDECIDED = "undecided"
    """The wallet service before ours may have applied it: a person must say whether it has."""


class Entry(NamedTuple):
    """
    One immutable credit or debit of one wallet.

    ``sequence`` is the wallet's version after it, gapless from 1. ``amount_minor`` is positive. ``counterparty_id`` is
    the user on the other side of a transfer. ``reverses_sequence`` is the entry of the same wallet that this one
    cancels. ``occurred_at`` is when it happened, if the message said so; ``recorded_at`` is when it was posted, and
    never decreases within a wallet. ``hash`` seals the entry and, through the previous hash, all before it; it is empty
    until the entry is ``sealed_after`` that one.
    """

    wallet_id: str
    sequence: int
    transaction_id: str
    kind: EntryKind
    direction: Direction
    amount_minor: int
    balance_after_minor: int
    currency: str
    counterparty_id: str | None
    description: str | None
    reverses_sequence: int | None
    occurred_at: datetime | None
    recorded_at: datetime
    hash: bytes = b""

    @property
    def signed_minor(self) -> int:
        """What the entry adds to the balance: positive for a credit, negative for a debit."""
        return self.amount_minor if self.direction is Direction.CREDIT else -self.amount_minor

    def canonical_bytes(self) -> bytes:
        """
        Give the bytes that are sealed: a JSON array without spaces, ASCII only, instants in milliseconds since 1970.

        The order is ``[form, wallet, sequence, transaction, kind, direction, amount, balance after, currency,
        counterparty, description, reverses, occurred at, recorded at]``; what is absent is ``null``.
        """
        return (
            f"[{ENTRY_FORM},{_text(self.wallet_id)},{self.sequence},{_text(self.transaction_id)},"
            f'"{self.kind}","{self.direction}",{self.amount_minor},{self.balance_after_minor},'
            f"{_text(self.currency)},{_text_or_null(self.counterparty_id)},{_text_or_null(self.description)},"
            f"{'null' if self.reverses_sequence is None else self.reverses_sequence},"
            f"{'null' if self.occurred_at is None else epoch_ms(self.occurred_at)},{epoch_ms(self.recorded_at)}]"
        ).encode("ascii")

    def hash_after(self, previous_hash: bytes) -> bytes:
        """Compute the seal: SHA-256 over the previous entry's hash (32 zero bytes for the first) and our bytes."""
        return sha256(previous_hash + self.canonical_bytes()).digest()

    def sealed_after(self, previous_hash: bytes) -> Entry:
        """Give this entry with its seal, after an entry with this hash."""
        return Entry(*self[:-1], self.hash_after(previous_hash))


def head_after(head_hash: bytes, entries: Iterable[Entry]) -> bytes:
    """
    Compute the head of a wallet that these entries, oldest first, lead to from ``head_hash``.

    It is that of the wallet only if none of them is missing, changed, or of another wallet.
    """
    for entry in entries:
        head_hash = entry.hash_after(head_hash)
    return head_hash


class Leg(NamedTuple):
    """One side of an applied transaction: which entry it became. ``sequence`` is its number in the wallet."""

    user_id: str
    wallet_id: str
    direction: Direction
    amount_minor: int
    sequence: int


@dataclass(frozen=True, slots=True)
class SeenWallet:
    """Which ``version`` of a user's wallet a decision saw; None when there was no wallet that may be used."""

    user_id: str
    version: int | None


class TransactionRecord(NamedTuple):
    """
    Everything we keep about one transaction, for ever.

    ``recorded_at`` is when we first recorded something about it, ``changed_at`` when we did last; ``occurred_at`` is
    when it completed, if the message said so. ``currency`` is that of its wallets, ``vocabulary`` that of its answer.
    ``fingerprint`` is None for a tombstone that has not seen its ``completed``. The fields that were read (``kind`` ...
    ``amount_minor``) are None where the message had nothing usable. ``legs`` are the entries posted by it,
    ``reversal_legs`` those that cancelled them. ``answer`` is the latest answer, None while there is none.
    ``reason`` says why it is refused, void, due or reversed. ``due_since`` is set while a reversal waits;
    ``dead_letter_id`` once a copy of its ``failed`` has waited in vain: that copy becomes the one dead letter.
    ``is_legacy``: the wallet service before ours has handled it, or may have, so no entry of it is in these books.
    ``seen``: the wallets that a refusal, or the last try of a due reversal, was decided on. Empty where none was looked
    at, and in records of the time before it was kept.
    """

    id: str
    state: TransactionState
    vocabulary: Vocabulary
    currency: str
    recorded_at: datetime
    changed_at: datetime
    fingerprint: str | None = None
    kind: TransactionKind | None = None
    sender_id: str | None = None
    recipient_id: str | None = None
    amount_minor: int | None = None
    occurred_at: datetime | None = None
    legs: tuple[Leg, ...] = ()
    reversal_legs: tuple[Leg, ...] = ()
    answer: TransactionFinalized | None = None
    reason: str | None = None
    due_since: datetime | None = None
    dead_letter_id: str | None = None
    is_legacy: bool = False
    seen: tuple[SeenWallet, ...] = ()

    @property
    def initiator_id(self) -> str | None:
        """Who asked for it: the owner of a top-up, else the sender (of an unknown type too)."""
        return self.recipient_id if self.kind is TransactionKind.TOPUP else self.sender_id

    @property
    def revision(self) -> int:
        """The revision of the latest answer; 0 while there is none."""
        return 0 if self.answer is None else self.answer.revision


def epoch_ms(instant: datetime) -> int:
    """Count whole milliseconds since 1970 UTC, without a float."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def to_milliseconds(instant: datetime) -> datetime:
    """Cut an aware instant to whole milliseconds in UTC, the precision in which the books keep time."""
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1_000 * 1_000)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _text_or_null(value: str | None) -> str:
    return "null" if value is None else _text(value)
