"""What one unit of work asks of the store: a handful of calls, whatever the number of events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar

import pytest

from tests.scenario import ALICE, BOB, Event, Scenario, failed, signup, topup, transaction_id, transfer
from wallet_core import Entry, SuspendedWallet, TransactionRecord, Wallet
from wallet_core.memory import MemoryStore
from wallet_core.ports import Books, Clock, Journal, Outbox, RecordChange, WalletChange, WalletRepository

T = TypeVar("T")
STRANGER = "507f1f77bcf86cd7994390ff"


class CountingStore(MemoryStore):
    """A store that remembers every call of the last unit of work, with the number of things in it."""

    def __init__(self, clock: Clock) -> None:
        """Start with no call."""
        super().__init__(clock)
        self.calls: list[tuple[str, int]] = []

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        """Run as the memory does, and count."""

        async def counted(books: Books) -> T:
            self.calls.clear()
            return await work(_CountingBooks(books, self.calls))

        return await super().run(counted)


class _CountingBooks:
    def __init__(self, books: Books, calls: list[tuple[str, int]]) -> None:
        self.wallets: WalletRepository = _CountingWallets(books.wallets, calls)
        self.journal: Journal = _CountingJournal(books.journal, calls)
        self.outbox: Outbox = _CountingOutbox(books.outbox, calls)


class _CountingWallets:
    def __init__(self, wallets: WalletRepository, calls: list[tuple[str, int]]) -> None:
        self._wallets = wallets
        self._calls = calls

    async def get_many(self, user_ids: Collection[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        self._calls.append(("read wallets", len(user_ids)))
        return await self._wallets.get_many(user_ids)

    async def open_many(self, wallets: Sequence[Wallet]) -> None:
        self._calls.append(("open wallets", len(wallets)))
        await self._wallets.open_many(wallets)

    async def change_many(self, changes: Sequence[WalletChange]) -> None:
        self._calls.append(("change wallets", len(changes)))
        await self._wallets.change_many(changes)


class _CountingJournal:
    def __init__(self, journal: Journal, calls: list[tuple[str, int]]) -> None:
        self._journal = journal
        self._calls = calls

    async def get_transactions(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionRecord]:
        self._calls.append(("read records", len(transaction_ids)))
        return await self._journal.get_transactions(transaction_ids)

    async def record_many(self, records: Sequence[TransactionRecord]) -> None:
        self._calls.append(("add records", len(records)))
        await self._journal.record_many(records)

    async def change_many(self, changes: Sequence[RecordChange]) -> None:
        self._calls.append(("change records", len(changes)))
        await self._journal.change_many(changes)

    async def append_many(self, entries: Sequence[Entry]) -> None:
        self._calls.append(("append entries", len(entries)))
        await self._journal.append_many(entries)


class _CountingOutbox:
    def __init__(self, outbox: Outbox, calls: list[tuple[str, int]]) -> None:
        self._outbox = outbox
        self._calls = calls

    async def add(self, transaction_ids: Sequence[str]) -> None:
        self._calls.append(("add to the outbox", len(transaction_ids)))
        await self._outbox.add(transaction_ids)


@pytest.fixture
def counting() -> tuple[Scenario, list[tuple[str, int]]]:
    """Alice and Bob have wallets, and one transfer between them is known."""
    scenario = Scenario(store_of=CountingStore)
    scenario.open(ALICE, BOB)
    scenario.post(topup(transaction_id(1), ALICE, 100), transfer(transaction_id(2), ALICE, BOB, 50))
    assert isinstance(scenario.store, CountingStore)
    return scenario, scenario.store.calls


def test_five_hundred_events_cost_as_many_calls_as_one_of_each(
    counting: tuple[Scenario, list[tuple[str, int]]],
) -> None:
    """A full batch of everything is two reads and six writes, each wallet changed once."""
    scenario, calls = counting
    events: list[Event] = [signup(STRANGER), failed(transaction_id(2))]
    events += [transfer(transaction_id(10 + number), ALICE, BOB, 1) for number in range(250)]
    events += [topup(transaction_id(500 + number), STRANGER, 1) for number in range(250)]

    scenario.post(*events)

    assert ["read records", "read wallets"] == [name for name, _ in calls[:2]]
    assert {
        "change wallets": 2,
        "open wallets": 1,
        "change records": 1,
        "add records": 500,
        "append entries": 2 + 2 * 100 + 250,
        "add to the outbox": 501,
    } == dict(calls[2:])
    assert len(calls) == 8


@pytest.mark.parametrize(
    "event",
    [
        transfer(transaction_id(2), ALICE, BOB, 50),
        transfer(transaction_id(3), ALICE, ALICE, 50),
        failed(transaction_id(3)),
    ],
    ids=["a repetition", "refused for its content", "a tombstone"],
)
def test_what_touches_no_wallet_reads_none(counting: tuple[Scenario, list[tuple[str, int]]], event: Event) -> None:
    """What is known already, or moves nothing by itself, needs no wallet."""
    scenario, calls = counting

    scenario.post(event)

    assert "read wallets" not in dict(calls)


def test_failed_for_what_is_reversed_reads_no_wallet(counting: tuple[Scenario, list[tuple[str, int]]]) -> None:
    """A reversal that is done needs no wallet, and writes nothing."""
    scenario, calls = counting
    scenario.post(failed(transaction_id(2)))

    scenario.post(failed(transaction_id(2)))

    assert [("read records", 1)] == calls


def test_signup_reads_no_record(counting: tuple[Scenario, list[tuple[str, int]]]) -> None:
    """A batch of signups asks for no transaction, and writes nothing for who has a wallet."""
    scenario, calls = counting

    scenario.post(signup(ALICE), signup(BOB))

    assert [("read wallets", 2)] == calls
