"""A copy of the books, and what holds for it at any time: sums, versions, chains, times, legs, money in against out.

The checks are written a second time, apart from ``wallet_core.audit``, for tests. They raise AssertionError.
"""

# ruff: noqa: S101 - a check of a test speaks in asserts

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from wallet_core.ledger import GENESIS_HASH, Direction, Entry, TransactionRecord, TransactionState
from wallet_core.memory import MemoryStore
from wallet_core.money import AMOUNT_MINOR_MAX
from wallet_core.ports import Books, Reader, StatementQuery, UnitOfWork
from wallet_core.wallet import Wallet

MOVING = {TransactionState.APPLIED, TransactionState.REVERSAL_DUE}
"""States in which what a transaction moved has not been taken back."""

PAGE_ROWS = 200
"""Entries that are read at once."""


@dataclass(frozen=True, slots=True)
class BooksCopy:
    """
    Everything that the books hold: ``wallets`` by id, the ``entries`` of each from the oldest, ``transactions`` by id.

    So two copies can be compared.
    """

    wallets: tuple[Wallet, ...]
    entries: tuple[tuple[Entry, ...], ...]
    transactions: tuple[TransactionRecord, ...]


class Storage(Protocol):
    """The ports through which books are read, as ``conformance.Store`` has them."""

    @property
    def unit_of_work(self) -> UnitOfWork:
        """For the transactions."""
        ...

    @property
    def reader(self) -> Reader:
        """For wallets and entries."""
        ...


def copy_of(store: MemoryStore) -> BooksCopy:
    """Copy books that are kept in memory."""
    wallets = sorted(store.wallets(), key=lambda wallet: wallet.id)
    return _copy(wallets, [store.entries_of(wallet.id) for wallet in wallets], store.transactions())


async def read_books(storage: Storage, user_ids: Iterable[str], transaction_ids: Iterable[str]) -> BooksCopy:
    """
    Copy the books of any adapter through its ports: what these users and transactions have, and who has none is absent.

    The transactions of the entries come with them. Nobody else may be at work meanwhile. Raises StoreUnavailable.
    """
    found = [await storage.reader.wallet_of(user_id) for user_id in user_ids]
    wallets = sorted((wallet for wallet in found if wallet is not None), key=lambda wallet: wallet.id)
    entries = [await _entries_of(storage.reader, wallet) for wallet in wallets]
    ids = {*transaction_ids, *(entry.transaction_id for of_wallet in entries for entry in of_wallet)}

    async def read(books: Books) -> Iterable[TransactionRecord]:
        return (await books.journal.get_transactions(ids)).values()

    return _copy(wallets, entries, await storage.unit_of_work.run(read))


def check_books(books: BooksCopy, *, may_overdraw: bool) -> None:
    """
    Check what holds at any time: sums, versions, chains, times, and money in against money out.

    ``may_overdraw``: the policy lets a reversal take a balance below zero. Raises AssertionError.
    """
    for wallet, entries in zip(books.wallets, books.entries, strict=True):
        _check_wallet(wallet, entries, may_overdraw=may_overdraw)
    came_in = (record for record in books.transactions if record.state in MOVING and record.sender_id is None)
    assert sum(record.amount_minor or 0 for record in came_in) == sum(wallet.balance_minor for wallet in books.wallets)


def check_legs(books: BooksCopy) -> None:
    """
    Check that every transaction has all of its legs or none, and that reversed ones are cancelled leg by leg.

    Raises AssertionError.
    """
    for record in books.transactions:
        signs = {Direction.CREDIT: 1, Direction.DEBIT: -1}
        first = Counter({leg.user_id: signs[leg.direction] * leg.amount_minor for leg in record.legs})
        back = Counter({leg.user_id: signs[leg.direction] * leg.amount_minor for leg in record.reversal_legs})
        parties = {record.recipient_id} | ({record.sender_id} if record.sender_id else set())
        has_moved = record.state in MOVING or record.state is TransactionState.REVERSED
        assert (parties if has_moved else set()) == set(first)
        assert {user: -minor for user, minor in first.items()} == dict(back) or not record.reversal_legs
        assert bool(record.reversal_legs) is (record.state is TransactionState.REVERSED)


def _check_wallet(wallet: Wallet, entries: Sequence[Entry], *, may_overdraw: bool) -> None:
    """Fold the entries again, from nothing to what the wallet says."""
    head, balance_minor, recorded_at = GENESIS_HASH, 0, wallet.opened_at
    for sequence, entry in enumerate(entries, start=1):
        balance_minor += entry.amount_minor if entry.direction is Direction.CREDIT else -entry.amount_minor
        head = entry.hash_after(head)
        assert (sequence, balance_minor, head) == (entry.sequence, entry.balance_after_minor, entry.hash)
        assert recorded_at <= entry.recorded_at
        assert 0 < entry.amount_minor <= AMOUNT_MINOR_MAX >= balance_minor
        assert balance_minor >= 0 or may_overdraw
        recorded_at = entry.recorded_at
    assert (len(entries), balance_minor, head) == (wallet.version, wallet.balance_minor, wallet.head_hash)


async def _entries_of(reader: Reader, wallet: Wallet) -> list[Entry]:
    """Read a statement to its end, oldest entry first."""
    entries: list[Entry] = []
    cursor: int | None = None
    while page := await reader.entries(wallet, StatementQuery(wallet.user_id, PAGE_ROWS, cursor)):
        assert cursor is None or page[0].sequence < cursor, "a page shows what was shown before its cursor"
        entries.extend(page)
        cursor = page[-1].sequence
    return entries[::-1]


def _copy(
    wallets: Iterable[Wallet], entries: Iterable[Iterable[Entry]], transactions: Iterable[TransactionRecord]
) -> BooksCopy:
    return BooksCopy(
        wallets=tuple(wallets),
        entries=tuple(map(tuple, entries)),
        transactions=tuple(sorted(transactions, key=lambda record: record.id)),
    )
