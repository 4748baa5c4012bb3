"""A wallet: one owner, one currency, a balance that is never negative, and a version that counts its entries.

``credit``, ``debit`` and ``reverse`` decide and give the sealed entry; ``after`` applies an entry and gives the next
wallet. A wallet is therefore the fold of its entries, and can be rebuilt from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from wallet_core.errors import BalanceLimitExceeded, InsufficientFunds, LedgerCorrupted, VersionConflict
from wallet_core.ledger import GENESIS_HASH, Direction, Entry, EntryKind, Leg
from wallet_core.money import AMOUNT_MINOR_MAX


class Cause(NamedTuple):
    """
    Why an entry is posted: everything about it that does not depend on the wallet.

    ``now`` is when it is recorded, ``occurred_at`` when it happened, if the message says so. ``counterparty_id`` is the
    user on the other side. ``reverses_sequence`` is the entry of the same wallet that it cancels.
    """

    transaction_id: str
    kind: EntryKind
    now: datetime
    occurred_at: datetime | None = None
    counterparty_id: str | None = None
    description: str | None = None
    reverses_sequence: int | None = None


@dataclass(frozen=True, slots=True)
class SuspendedWallet:
    """A wallet that a person must decide about (it could not be adopted exactly): it refuses every posting."""

    user_id: str


class Wallet(NamedTuple):
    """
    The state of one wallet after its ``version`` entries.

    ``id`` is ours, and follows from owner and currency; ``currency`` is its ISO 4217 code. ``head_hash`` is the hash of
    the last entry, ``changed_at`` the instant it was recorded at.
    """

    id: str
    user_id: str
    currency: str
    balance_minor: int
    version: int
    head_hash: bytes
    opened_at: datetime
    changed_at: datetime

    @classmethod
    def open(cls, user_id: str, currency: str, now: datetime) -> Wallet:
        """Open an empty wallet. Its id follows from owner and currency, so opening it twice gives the same wallet."""
        return cls(wallet_id_of(user_id, currency), user_id, currency, 0, 0, GENESIS_HASH, now, now)

    def credit(self, amount_minor: int, cause: Cause, expected_version: int | None = None) -> Entry:
        """
        Decide a credit of at least 1; ``expected_version`` None expects nothing.

        Raises VersionConflict, and BalanceLimitExceeded over ``AMOUNT_MINOR_MAX``.
        """
        self._check_version(expected_version)
        if self.balance_minor + amount_minor > AMOUNT_MINOR_MAX:
            raise BalanceLimitExceeded(self.id, self.balance_minor, amount_minor)
        return self._entry(Direction.CREDIT, amount_minor, cause)

    def debit(self, amount_minor: int, cause: Cause, expected_version: int | None = None) -> Entry:
        """
        Decide a debit of at least 1; ``expected_version`` None expects nothing.

        Raises VersionConflict, and InsufficientFunds when the balance is smaller.
        """
        self._check_version(expected_version)
        if amount_minor > self.balance_minor:
            raise InsufficientFunds(self.id, self.balance_minor, amount_minor)
        return self._entry(Direction.DEBIT, amount_minor, cause)

    def reverse(self, leg: Leg, cause: Cause, *, may_overdraw: bool) -> Entry:
        """
        Decide the opposite of an earlier entry of this wallet.

        Raises BalanceLimitExceeded, and InsufficientFunds when the owner has spent the money, unless ``may_overdraw``
        (down to ``-AMOUNT_MINOR_MAX``).
        """
        cause = cause._replace(reverses_sequence=leg.sequence)
        if leg.direction is Direction.DEBIT:
            return self.credit(leg.amount_minor, cause)
        if may_overdraw and self.balance_minor - leg.amount_minor >= -AMOUNT_MINOR_MAX:
            return self._entry(Direction.DEBIT, leg.amount_minor, cause)
        return self.debit(leg.amount_minor, cause)

    def after(self, entry: Entry) -> Wallet:
        """
        Apply an entry of this wallet.

        Raises LedgerCorrupted if it is not the next one, if its numbers do not follow from ours, or if it takes the
        balance below zero without being a reversal. The hash is taken as it is: checking the chain is the audit's.
        """
        balance_minor = self.balance_minor + entry.signed_minor
        if entry.wallet_id != self.id or entry.sequence != self.version + 1:
            msg = f"entry {entry.wallet_id}/{entry.sequence} does not follow wallet {self.id} at version {self.version}"
            raise LedgerCorrupted(msg)
        if entry.balance_after_minor != balance_minor or entry.currency != self.currency or entry.amount_minor < 1:
            msg = f"entry {entry.wallet_id}/{entry.sequence} does not fit a balance of {self.balance_minor} minor units"
            raise LedgerCorrupted(msg)
        if balance_minor < 0 and entry.direction is Direction.DEBIT and entry.kind is not EntryKind.REVERSAL:
            msg = f"entry {entry.wallet_id}/{entry.sequence} takes the balance below zero and is no reversal"
            raise LedgerCorrupted(msg)
        return Wallet(
            self.id,
            self.user_id,
            self.currency,
            balance_minor,
            entry.sequence,
            entry.hash,
            self.opened_at,
            entry.recorded_at,
        )

    def _check_version(self, expected_version: int | None) -> None:
        if expected_version is not None and expected_version != self.version:
            raise VersionConflict(self.id, self.version, expected_version)

    def _entry(self, direction: Direction, amount_minor: int, cause: Cause) -> Entry:
        signed_minor = amount_minor if direction is Direction.CREDIT else -amount_minor
        entry = Entry(
            wallet_id=self.id,
            sequence=self.version + 1,
            transaction_id=cause.transaction_id,
            kind=cause.kind,
            direction=direction,
            amount_minor=amount_minor,
            balance_after_minor=self.balance_minor + signed_minor,
            currency=self.currency,
            counterparty_id=cause.counterparty_id,
            description=cause.description,
            reverses_sequence=cause.reverses_sequence,
            occurred_at=cause.occurred_at,
            recorded_at=max(cause.now, self.changed_at),
        )
        return entry.sealed_after(self.head_hash)


def wallet_id_of(user_id: str, currency: str) -> str:
    """
    Derive the id of a new wallet: 24 hex digits, the first 96 bits of SHA-256 over owner and currency.

    A derived id needs no randomness inside a decision, and makes two processes that open the same wallet at once
    collide on the id itself.
    """
    return sha256(f"wallet:{user_id}:{currency}".encode()).hexdigest()[:24]
