"""What holds for the books at any time: sums, versions, chains, times, legs, and money in against money out."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from wallet_core import AMOUNT_MINOR_MAX, Direction, TransactionState
from wallet_core.ledger import GENESIS_HASH
from wallet_core.memory import MemoryStore

MOVING = {TransactionState.APPLIED, TransactionState.REVERSAL_DUE}


class Bookkeeper(Protocol):
    """Whoever has books in memory: a scenario, a simulation."""

    @property
    def store(self) -> MemoryStore:
        """The books."""
        ...


def check_books(scenario: Bookkeeper, *, may_overdraw: bool) -> None:
    """Check what holds at any time: sums, versions, chains, times, and money in against money out."""
    for wallet in scenario.store.wallets():
        head, balance_minor, recorded_at = GENESIS_HASH, 0, wallet.opened_at
        entries = scenario.store.entries_of(wallet.id)
        for sequence, entry in enumerate(entries, start=1):
            balance_minor += entry.amount_minor if entry.direction is Direction.CREDIT else -entry.amount_minor
            head = entry.hash_after(head)
            assert (sequence, balance_minor, head) == (entry.sequence, entry.balance_after_minor, entry.hash)
            assert recorded_at <= entry.recorded_at
            assert 0 < entry.amount_minor <= AMOUNT_MINOR_MAX >= balance_minor
            assert balance_minor >= 0 or may_overdraw
            recorded_at = entry.recorded_at
        assert (len(entries), balance_minor, head) == (wallet.version, wallet.balance_minor, wallet.head_hash)
    records = scenario.store.transactions()
    in_minor = sum(r.amount_minor or 0 for r in records if r.state in MOVING and r.sender_id is None)
    assert in_minor == sum(wallet.balance_minor for wallet in scenario.store.wallets())


def check_legs(scenario: Bookkeeper) -> None:
    """Check that every transaction has all of its legs or none, and that reversed ones are cancelled leg by leg."""
    for record in scenario.store.transactions():
        signs = {Direction.CREDIT: 1, Direction.DEBIT: -1}
        first = Counter({leg.user_id: signs[leg.direction] * leg.amount_minor for leg in record.legs})
        back = Counter({leg.user_id: signs[leg.direction] * leg.amount_minor for leg in record.reversal_legs})
        parties = {record.recipient_id} | ({record.sender_id} if record.sender_id else set())
        has_moved = record.state in MOVING or record.state is TransactionState.REVERSED
        assert (parties if has_moved else set()) == set(first)
        assert {user: -minor for user, minor in first.items()} == dict(back) or not record.reversal_legs
        assert bool(record.reversal_legs) is (record.state is TransactionState.REVERSED)
