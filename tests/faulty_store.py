"""A store in memory that refuses some transactions, and fails when it is told to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from wallet_core import TransactionRecord
from wallet_core.memory import MemoryStore
from wallet_core.ports import Books, Clock, Journal, Outbox, RecordChange, WalletRepository

T = TypeVar("T")


class FaultyStore(MemoryStore):
    """A store that refuses the records of some transactions, and raises what it is told to."""

    def __init__(self, clock: Clock) -> None:
        """Start without faults. ``errors`` are raised one by one, ``probe_error`` by every probe."""
        super().__init__(clock)
        self.poison: dict[str, Exception] = {}
        self.errors: list[Exception | None] = []
        self.probe_error: Exception | None = None
        self.runs = 0

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        """Run as the memory does, with faults."""
        self.runs += 1
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error

        async def faulty(books: Books) -> T:
            return await work(_FaultyBooks(books, self.poison))

        return await super().run(faulty)

    async def probe(self) -> None:
        """Fail if told to."""
        if self.probe_error is not None:
            raise self.probe_error


class _FaultyBooks:
    def __init__(self, books: Books, poison: dict[str, Exception]) -> None:
        self.wallets: WalletRepository = books.wallets
        self.journal: Journal = _FaultyJournal(books.journal, poison)
        self.outbox: Outbox = books.outbox


class _FaultyJournal:
    def __init__(self, journal: Journal, poison: dict[str, Exception]) -> None:
        self._journal = journal
        self._poison = poison
        self.get_transactions = journal.get_transactions
        self.append_many = journal.append_many

    async def record_many(self, records: Sequence[TransactionRecord]) -> None:
        for record in records:
            if record.id in self._poison:
                raise self._poison[record.id]
        await self._journal.record_many(records)

    async def change_many(self, changes: Sequence[RecordChange]) -> None:
        await self._journal.change_many(changes)
