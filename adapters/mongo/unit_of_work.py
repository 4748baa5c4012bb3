"""The unit of work: one database transaction around ``work``, committed or not at all.

::

    begin ─> work ─> commit ─> done
      ^        │        ├── unknown result ──> commit again, until COMMIT_S_MAX; then StoreUnavailable
      │        │        └── transaction gone ─┐
      └─ wait ─┴── race or connection lost ───┤   at most ATTEMPTS_MAX times in RUN_S_MAX
                                               └─> ConcurrentUpdate, StoreUnavailable

``work`` never runs again after a commit whose result is unknown: it may have happened. The caller repeats the whole
request later, and the known transaction ids make that harmless. The drivers' own loops are not used: motor's does not
repeat the commit, and neither has our bounds.

Waits have full jitter: whoever lost a race waits a random time, so that the losers do not meet again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from bson import ObjectId
from pymongo.errors import PyMongoError

from adapters.mongo.abandoned import AbandonedTransactions
from adapters.mongo.client import Database, Session
from adapters.mongo.errors import ConnectionLost, core_error
from adapters.mongo.repositories import MongoBooks
from adapters.mongo.steps import StoreStep
from wallet_core.errors import ConcurrentUpdate, StoreUnavailable, WalletError
from wallet_core.ports import Books

T = TypeVar("T")

ATTEMPTS_MAX = 12
"""Runs of ``work``. With the waits below the last are up to half a second apart: who loses 12 is one of hundreds."""

ATTEMPTS_SUSPICIOUS = 6
"""Races lost in a row that may mean that the winner is dead: the waits are a third of a second by then."""

RUN_S_MAX = 30.0
"""No further run of ``work`` begins after this; twice an election, which takes up to 12 s by default."""

COMMIT_S_MAX = 30.0
"""How long a commit with an unknown result is repeated; twice an election, after which its result can be known."""

WAIT_S_FIRST = 0.01
"""Upper bound of the first wait: about the length of a small transaction, so that the winner is done."""

WAIT_S_MAX = 0.5
"""Upper bound of every wait: about the length of a batch of 3,000."""

ABORT_S_MAX = 5.0
"""How long an abort may take. Without one the server ends the transaction itself (transactionLifetimeLimitSeconds)."""


class MongoUnitOfWork:
    """``ports.UnitOfWork`` on MongoDB."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database
        self._abandoned = AbandonedTransactions(database)

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        """Run ``work`` in a transaction until it is committed; see ``ports.UnitOfWork.run``."""
        return await run_in_transaction(
            self._database, lambda session: work(MongoBooks(self._database, session)), self._abandoned
        )

    async def probe(self) -> None:
        """
        Write a row to the outbox, remove it, and commit that.

        A commit without a write would not reach the journal, and says nothing about a disk that is full. Nobody sees
        the row, and no two probes meet. Whatever fails here is the database's fault, hence always StoreUnavailable.
        """
        try:
            await run_in_transaction(self._database, self._write_nothing)
        except StoreUnavailable:
            raise
        except WalletError as error:
            raise StoreUnavailable(f"the database does not commit even an empty unit of work: {error}") from error

    async def _write_nothing(self, session: Session) -> None:
        outbox = self._database.collection("outbox", session)
        row = {"_id": ObjectId(), "transactionIds": ["probe"], "createdAt": datetime.now(UTC)}
        await outbox.insert_many([row])
        await outbox.delete_one({"_id": row["_id"]})


async def run_in_transaction(
    database: Database,
    body: Callable[[Session], Awaitable[T]],
    abandoned: AbandonedTransactions | None = None,
) -> T:
    """
    Run ``body`` in a transaction until it is committed; look for ``abandoned`` ones when it keeps losing.

    Raises what ``ports.UnitOfWork.run`` raises.
    """
    give_up_at_s = time.monotonic() + RUN_S_MAX
    attempt = 1
    while True:
        try:
            return await _attempt(database, body)
        except (ConcurrentUpdate, ConnectionLost) as error:
            if isinstance(error, ConnectionLost):
                database.observer.connection_lost()
            else:
                database.observer.race_lost()
            if attempt == ATTEMPTS_MAX or time.monotonic() >= give_up_at_s:
                raise
        if abandoned is not None and attempt >= ATTEMPTS_SUSPICIOUS:
            await abandoned.end()
        await asyncio.sleep(_wait_s(attempt))
        attempt += 1


async def _attempt(database: Database, body: Callable[[Session], Awaitable[T]]) -> T:
    session = await database.start_session()
    try:
        await session.begin()
        database.observer.reached(StoreStep.TRANSACTION_BEGUN)
        result = await body(session)
        database.observer.reached(StoreStep.BEFORE_COMMIT)
        await _commit(database, session)
        database.observer.reached(StoreStep.AFTER_COMMIT)
    finally:
        await _leave(session)
    return result


async def _commit(database: Database, session: Session) -> None:
    """Commit, again while the result is unknown. Raises StoreUnavailable if it stays so, ConcurrentUpdate if lost."""
    give_up_at_s = time.monotonic() + COMMIT_S_MAX
    attempt = 1
    while True:
        started_s = time.perf_counter()
        try:
            await session.commit()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise core_error(error, "commit") from error
            if time.monotonic() >= give_up_at_s:
                msg = f"the database did not say for {COMMIT_S_MAX:.0f} s how a commit ended: it may have happened"
                raise StoreUnavailable(msg) from error
        else:
            return
        finally:
            database.observer.statement_ended("commit", "transactions", time.perf_counter() - started_s)
        database.observer.commit_repeated()
        await asyncio.sleep(_wait_s(attempt))
        attempt += 1


async def _leave(session: Session) -> None:
    """
    Abort what was not committed and give the session back.

    Decision: an error here is dropped. The abort is a courtesy that frees the wallets at once; the server aborts by
    itself what it hears no more of, and the error that brought us here is the one to report. A session whose abort
    hangs is left to the garbage collector: ending it would abort again.
    """
    try:
        async with asyncio.timeout(ABORT_S_MAX):
            if session.in_transaction:
                await session.abort()
            await session.end()
    except (PyMongoError, TimeoutError):
        return


def _wait_s(attempt: int) -> float:
    """Draw a wait: anything up to a bound that doubles with each attempt (full jitter)."""
    bound_s = min(WAIT_S_MAX, WAIT_S_FIRST * 2 ** (attempt - 1))
    return random.uniform(0, bound_s)  # noqa: S311 - spreads load, hides nothing
