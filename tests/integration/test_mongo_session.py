"""Writes that run behind their caller: in order, none after one that failed, and no error of them is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from adapters.mongo.client import Database
from adapters.mongo.repositories import MongoBooks
from adapters.mongo.session import Session
from adapters.mongo.unit_of_work import run_in_transaction
from tests.fixtures.driver import over_both_drivers
from wallet_core.errors import StoreRejected
from wallet_core.ledger import Entry, EntryKind
from wallet_core.testing.conformance.store import ALICE, NOON
from wallet_core.wallet import Cause, Wallet

WALLET = Wallet.open(ALICE, "USD", NOON)


def entry(number: int) -> Entry:
    """Give an entry of Alice's; equal numbers have equal keys."""
    return WALLET.after(WALLET.credit(1, Cause(f"t-{number}", EntryKind.TOPUP, NOON))).credit(
        number, Cause(f"t-{number}", EntryKind.TOPUP, NOON)
    )


async def append_twice_and(database: Database, work: Callable[[MongoBooks], Awaitable[object]]) -> list[str]:
    """Append an entry whose key is taken, then do ``work``; tell what was reached, and check that nothing is left."""
    reached: list[str] = []

    async def body(session: Session) -> None:
        books = MongoBooks(database, session)
        await books.wallets.open_many([WALLET])
        await books.journal.append_many([entry(1), entry(2)])
        reached.append("appended")
        await work(books)
        reached.append("worked")

    with pytest.raises(StoreRejected, match="entries"):
        await run_in_transaction(database, body)
    assert [0, 0] == [await database.collection(name).count({}) for name in ("wallets", "entries")]
    return reached


@over_both_drivers
async def test_a_write_that_fails_behind_its_caller_is_told_at_the_next_statement(database: Database) -> None:
    """Whoever writes or reads after it hears of it, and nothing more is sent."""

    async def read(books: MongoBooks) -> None:
        await books.wallets.get_many([ALICE])

    async def write(books: MongoBooks) -> None:
        await books.outbox.add(["t-1"])

    assert ["appended"] == await append_twice_and(database, read)
    assert ["appended"] == await append_twice_and(database, write)


@over_both_drivers
async def test_a_last_write_that_fails_is_told_before_the_commit(database: Database) -> None:
    """A unit of work that has ended without a word is not committed when its last write has failed."""

    async def nothing(_: MongoBooks) -> None:
        return

    assert ["appended", "worked"] == await append_twice_and(database, nothing)


@over_both_drivers
async def test_a_read_sees_the_write_before_it(database: Database) -> None:
    """A statement waits for the write that is under way."""

    async def body(session: Session) -> object:
        books = MongoBooks(database, session)
        await books.wallets.open_many([WALLET])
        return await books.wallets.get_many([ALICE])

    assert {ALICE: WALLET} == await run_in_transaction(database, body)
