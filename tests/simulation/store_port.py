"""The way of one process to the database: UnitOfWork and PendingAnswers, with a fault possible at every call.

A commit may fail before it is done, after it (the reply is lost: nobody knows), or be done when nobody waits any more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from tests.simulation.database import Begun, SimulatedDatabase
from tests.simulation.faults import ANYWHERE, DONE_UNKNOWN, SLOW_MS, Fault
from tests.simulation.gate import Gate
from tests.simulation.scheduler import Owner
from tests.simulation.watch import Commit
from tests.simulation.workload import POISON_IDS, shortly
from wallet_core import (
    ConcurrentUpdate,
    Entry,
    Request,
    StoreRejected,
    SuspendedWallet,
    TransactionFinalized,
    TransactionRecord,
    Wallet,
)
from wallet_core.batch import Posted
from wallet_core.memory.store import _MemoryBooks
from wallet_core.ports import Books, PendingRow, RecordChange, WalletChange

T = TypeVar("T")

ATTEMPTS_MAX = 12
"""Runs of one unit of work, as many as the adapter for MongoDB makes."""

WAITS_MS = (0, 10, 100)
"""Between two of them."""

STATEMENT = (*ANYWHERE, Fault.RACE)
COMMIT = (*ANYWHERE, *DONE_UNKNOWN, Fault.RACE, Fault.LATE)
CALL = (*ANYWHERE, *DONE_UNKNOWN, Fault.TWICE)


class StorePort:
    """One process's way to the database: UnitOfWork and PendingAnswers, with faults at every call."""

    def __init__(self, database: SimulatedDatabase, gate: Gate, owner: Owner) -> None:
        """Lead ``owner`` through ``gate``."""
        self.holder = ""
        self.is_holder = False
        self.posting: Sequence[Request] = ()
        self._database = database
        self._gate = gate
        self._owner = owner

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        """Run ``work`` until it commits; see ``ports.UnitOfWork.run``."""
        for _ in range(ATTEMPTS_MAX):
            begun = self._database.begin()
            try:
                result = await work(_Books(begun.books, self._gate))
                await self._commit(begun, result)
            except ConcurrentUpdate:
                await self._gate.linger(WAITS_MS)
                continue
            except Exception:
                if begun.books.has_read_what_changed():  # as MemoryStore: what it has read did not fit together
                    continue
                raise
            return result
        raise ConcurrentUpdate(f"lost {ATTEMPTS_MAX} races in a row")

    @property
    def has_lost_lease(self) -> bool:
        """Whether somebody else may publish by now, although we have heard nothing of it."""
        return self._database.lease_holder() != self.holder

    async def probe(self) -> None:
        """Commit an empty unit of work."""
        await self._gate.call("store.probe", self._database.probe, CALL)

    async def hold_lease(self, holder: str, duration_ms: int) -> bool:
        """Take or prolong the lease."""
        self.holder = holder
        was_holder, self.is_holder = self.is_holder, False

        def told(is_holder: bool) -> str | None:  # noqa: FBT001 - what a call has given
            return None if is_holder is was_holder else str(is_holder)

        self.is_holder = await self._gate.call(
            "store.hold_lease", lambda: self._database.hold_lease(holder, duration_ms), CALL, told
        )
        return self.is_holder

    async def release_lease(self, holder: str) -> None:
        """Give the lease back."""
        await self._gate.call("store.release_lease", lambda: self._database.release_lease(holder), CALL)

    async def pending(self, rows_max: int, after: PendingRow | None = None) -> Sequence[PendingRow]:
        """Give the oldest rows."""
        name = "store.pending" if after is None else f"store.pending behind row {after.id}"
        return await self._gate.call(name, lambda: self._database.pending(rows_max, after), CALL, _told_rows)

    async def answers(
        self, transaction_ids: Collection[str], above_revision: int = 0
    ) -> Mapping[str, TransactionFinalized]:
        """Give the latest recorded answers of a revision above this one."""
        return await self._gate.call(
            "store.answers", lambda: self._database.answers(transaction_ids, above_revision), CALL, _told_answers
        )

    async def settle(self, row: PendingRow, unpublished: Sequence[str]) -> None:
        """Shrink or remove a row."""
        name = f"store.settle row {row.id}, {len(unpublished)} left"
        await self._gate.call(name, lambda: self._database.settle(row, unpublished), CALL)

    async def put_back(self, transaction_ids: Sequence[str]) -> None:
        """Add a row."""
        name = f"store.put_back {' '.join(map(shortly, transaction_ids))}"
        await self._gate.call(name, lambda: self._database.put_back(transaction_ids), CALL)

    async def backlog(self) -> tuple[int, datetime | None]:
        """Count the rows."""
        return await self._gate.call("store.backlog", self._database.backlog, CALL)

    async def _commit(self, begun: Begun, result: object) -> None:
        outcomes = result.plan.outcomes if isinstance(result, Posted) else ()
        requests = self.posting if outcomes else ()  # what is no posting is a look ahead, which reads
        name = f"store.commit {', '.join(outcome.kind.value for outcome in outcomes)}"
        commit = Commit(self._owner.name, requests, outcomes)
        fault = await self._gate.before(name, COMMIT)
        if fault is Fault.RACE:
            self._gate.note(name, fault)
            raise ConcurrentUpdate("a race is lost")
        if fault is Fault.LATE:
            self._gate.note(name, fault)
            self._land_later(begun, commit, name)
            await self._gate.after(Fault.REPLY_LOST)
        try:
            self._database.commit(begun, commit)
        except ConcurrentUpdate:
            self._gate.note(f"{name}: lost a race", fault)
            raise
        self._gate.note(name, fault)
        await self._gate.after(fault)

    def _land_later(self, begun: Begun, commit: Commit, name: str) -> None:
        """Let the commit happen when nobody waits for it any more, unless it has lost its race by then."""
        database, gate = self._database, self._gate

        async def land() -> None:
            await gate.linger(SLOW_MS)
            try:
                database.commit(begun, commit)
            except ConcurrentUpdate:
                gate.note(f"(late) {name}: lost a race")
            else:
                gate.note(f"(late) {name}")
            finally:
                database.late_commits -= 1

        database.late_commits += 1
        gate.scheduler.spawn(Owner("database"), land())


class _Books:
    """The books of one unit of work, with a fault possible at each statement."""

    def __init__(self, books: _MemoryBooks, gate: Gate) -> None:
        self._books = books
        self._gate = gate
        self.wallets = _Wallets(self)
        self.journal = _Journal(self)
        self.outbox = _Outbox(self)

    @property
    def inner(self) -> _MemoryBooks:
        return self._books

    async def statement(self, name: str, do: Callable[[], Awaitable[T]]) -> T:
        fault = await self._gate.before(name, STATEMENT)
        if fault is Fault.RACE:
            self._gate.note(name, fault)
            raise ConcurrentUpdate("a race is lost")
        return await do()


class _Wallets:
    def __init__(self, books: _Books) -> None:
        self._books = books
        self._wallets = books.inner.wallets

    async def get_many(self, user_ids: Collection[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        return await self._books.statement("store.wallets.get_many", lambda: self._wallets.get_many(user_ids))

    async def open_many(self, wallets: Sequence[Wallet]) -> None:
        await self._books.statement("store.wallets.open_many", lambda: self._wallets.open_many(wallets))

    async def change_many(self, changes: Sequence[WalletChange]) -> None:
        await self._books.statement("store.wallets.change_many", lambda: self._wallets.change_many(changes))


class _Journal:
    def __init__(self, books: _Books) -> None:
        self._books = books
        self._journal = books.inner.journal

    async def get_transactions(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionRecord]:
        return await self._books.statement(
            "store.get_transactions", lambda: self._journal.get_transactions(transaction_ids)
        )

    async def record_many(self, records: Sequence[TransactionRecord]) -> None:
        if any(record.id in POISON_IDS for record in records):
            raise StoreRejected("the validator refuses this record")
        await self._books.statement("store.record_many", lambda: self._journal.record_many(records))

    async def change_many(self, changes: Sequence[RecordChange]) -> None:
        await self._books.statement("store.change_many", lambda: self._journal.change_many(changes))

    async def append_many(self, entries: Sequence[Entry]) -> None:
        await self._books.statement("store.append_many", lambda: self._journal.append_many(entries))


class _Outbox:
    def __init__(self, books: _Books) -> None:
        self._books = books

    async def add(self, transaction_ids: Sequence[str]) -> PendingRow | None:
        return await self._books.statement("store.outbox.add", lambda: self._books.inner.outbox.add(transaction_ids))


def _told_rows(rows: Sequence[PendingRow]) -> str | None:
    return ", ".join(f"row {row.id} [{' '.join(map(shortly, row.transaction_ids))}]" for row in rows) or None


def _told_answers(answers: Mapping[str, TransactionFinalized]) -> str:
    return ", ".join(f"{shortly(id_)} revision {answer.revision}" for id_, answer in answers.items())
