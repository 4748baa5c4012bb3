"""The past of one transaction: its record, and what its wallets were when it was decided.

``Past`` is what an adapter reads; ``recall`` asks it for what an explanation needs. What has moved money names its
entries, and the entry before each says what the wallet was: exactly. A refusal has no entry. Its record says which
version of each wallet it saw (``TransactionRecord.seen``); where an older record does not, the wallet had one of the
versions of the time around the decision, and all of these are recalled.

Bounds: one record, two wallets, eight entries; twice VERSIONS_MAX entries of each wallet where it is not known which
version was seen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from wallet_core.errors import LedgerCorrupted
from wallet_core.ledger import GENESIS_HASH, Entry, Leg, TransactionRecord, TransactionState
from wallet_core.leg_audit import EntryKey, leg_keys
from wallet_core.messages import fingerprint_of
from wallet_core.wallet import SuspendedWallet, Wallet

UNCERTAINTY = timedelta(seconds=60)
"""
How far the times of two decisions may be from the order in which they were committed.

A time is read before its unit of work begins, or up to 5 s before it (``look_ahead.AGE_MAX``). MongoDB ends one that
takes longer than 60 s, and hardly one takes a second; the clocks of several hosts are apart by far less, unless one of
them is wrong.
"""

VERSIONS_MAX = 1_000
"""Most versions on each side of the decision that are recalled of a busy wallet, the nearest ones."""


class Past(Protocol):
    """What the books hold about the past, read outside any unit of work. Every method raises StoreUnavailable."""

    async def transaction(self, transaction_id: str) -> TransactionRecord | None:
        """Give the record of a transaction; None while nobody knows it. Raises LedgerCorrupted, too."""
        ...

    async def wallets(self, user_ids: Collection[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        """Give these users' wallets as they are now; who has none is absent. Raises LedgerCorrupted, too."""
        ...

    async def entries(self, keys: Collection[EntryKey]) -> Mapping[EntryKey, Entry]:
        """Give these entries; one that does not exist is absent. Raises LedgerCorrupted, too."""
        ...

    async def sequence_at(self, wallet_id: str, instant: datetime) -> int:
        """Give the sequence of the last entry recorded at an instant or before it; 0 if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """The versions that a wallet may have had, and the one that it had by the times of its entries."""

    first: int
    last: int
    likely: int


@dataclass(frozen=True, slots=True)
class Recollection:
    """
    What is recalled about one transaction.

    ``wallets`` are those of its parties as they are now; ``spans`` says by user which versions a refusal may have seen.
    """

    transaction_id: str
    record: TransactionRecord | None
    wallets: Mapping[str, Wallet | SuspendedWallet]
    entries: Mapping[EntryKey, Entry]
    spans: Mapping[str, Span]

    def wallet_at(self, wallet: Wallet, version: int) -> Wallet:
        """Give a wallet as it was. Raises LedgerCorrupted if the entry that says so is missing."""
        if version == 0:
            return _at(wallet.id, wallet.user_id, wallet.currency, None, wallet.opened_at)
        return _at(wallet.id, wallet.user_id, wallet.currency, self._entry(wallet.id, version), wallet.opened_at)

    def entry_of(self, leg: Leg) -> Entry:
        """Give the entry that a leg became. Raises LedgerCorrupted if it is missing."""
        return self._entry(leg.wallet_id, leg.sequence)

    def wallet_before(self, leg: Leg) -> Wallet:
        """Give the wallet of a leg as it was before it. Raises LedgerCorrupted if an entry that says so is missing."""
        posted = self.entry_of(leg)
        before = self._entry(leg.wallet_id, leg.sequence - 1) if leg.sequence > 1 else None
        # When the wallet was opened is not needed: nothing is decided by it, and no entry is older.
        return _at(leg.wallet_id, leg.user_id, posted.currency, before, posted.recorded_at)

    def _entry(self, wallet_id: str, sequence: int) -> Entry:
        if (wallet_id, sequence) not in self.entries:
            raise LedgerCorrupted(f"entry {wallet_id}/{sequence} is missing: run 'wallet audit'")
        return self.entries[wallet_id, sequence]


async def recall(transaction_id: str, past: Past) -> Recollection:
    """Read everything that an explanation of a transaction needs. Raises what ``past`` raises."""
    record = await past.transaction(transaction_id)
    if record is None:
        return Recollection(transaction_id, None, {}, {}, {})
    parties = {party for party in (record.sender_id, record.recipient_id) if party is not None}
    wallets = await past.wallets(parties) if parties else {}
    spans: dict[str, Span] = {}
    keys = {key for w, n in leg_keys(record) for key in ((w, n), (w, n - 1)) if key[1] > 0}
    if saw_wallets_unchanged(record):
        for user_id, wallet in wallets.items():
            if isinstance(wallet, Wallet):
                spans[user_id] = span = await _span(record, wallet, past)
                keys.update((wallet.id, sequence) for sequence in range(max(span.first, 1), span.last + 1))
    return Recollection(transaction_id, record, wallets, await past.entries(keys) if keys else {}, spans)


def saw_wallets_unchanged(record: TransactionRecord) -> bool:
    """Tell whether the last decision looked at wallets and left them as they were, so that no entry tells of it."""
    if record.is_legacy:
        return False
    if record.state is TransactionState.REVERSAL_DUE:
        return True
    is_sound = fingerprint_of(record) is not None and record.sender_id != record.recipient_id
    return record.state is TransactionState.REFUSED and is_sound


async def _span(record: TransactionRecord, wallet: Wallet, past: Past) -> Span:
    for seen in record.seen:
        if seen.user_id == wallet.user_id:
            version = seen.version or 0
            return Span(version, version, version)
    at = record.changed_at
    likely = await past.sequence_at(wallet.id, at)
    first = await past.sequence_at(wallet.id, at - UNCERTAINTY)
    last = await past.sequence_at(wallet.id, at + UNCERTAINTY)
    posted = max((leg.sequence for leg in record.legs if leg.wallet_id == wallet.id), default=0)
    first, last = max(first, likely - VERSIONS_MAX, posted), min(last, likely + VERSIONS_MAX)
    return Span(first, max(first, last), max(first, likely))


def _at(wallet_id: str, user_id: str, currency: str, last: Entry | None, opened_at: datetime) -> Wallet:
    """Give a wallet after its entry ``last``, or before its first one."""
    if last is None:
        return Wallet(wallet_id, user_id, currency, 0, 0, GENESIS_HASH, opened_at, opened_at)
    return Wallet(
        wallet_id,
        user_id,
        currency,
        last.balance_after_minor,
        last.sequence,
        last.hash,
        opened_at,
        last.recorded_at,
    )
