"""What a killed process leaves open on the server does not hold the wallets for a minute."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from bson import Int64

from adapters.embedded import Mongod
from adapters.mongo import abandoned
from adapters.mongo.abandoned import AbandonedTransactions
from adapters.mongo.client import Database, Session, connect
from adapters.mongo.driver import Driver
from adapters.mongo.unit_of_work import run_in_transaction
from tests.fixtures.driver import over_both_drivers
from tests.fixtures.mongod import TRANSACTION_LIFETIME_S
from tests.integration.mongo_bank import ONE_EFFECT, Bank
from wallet_core import ConcurrentUpdate, OutcomeKind

pytestmark = over_both_drivers


@pytest.fixture
async def dead_process(bank: Bank, database_url: str, driver: Driver) -> AsyncIterator[Database]:
    """Stand for a process that was killed in the middle of a unit of work: its transaction stays open."""
    process = connect(database_url, driver=driver)
    session = await process.start_session()
    await session.begin()
    await write_every_wallet(process, session)
    yield process
    await session.abort()
    await process.close()


async def write_every_wallet(database: Database, session: Session) -> None:
    """Write to all wallets; a transaction that has done so holds them until its end."""
    wallets = database.collection("wallets", session)
    for wallet in await wallets.find({}, rows_expected=10):
        await wallets.update_one({"_id": wallet["_id"]}, {"$inc": {"balanceMinor": Int64(1)}})


async def test_a_transaction_that_nobody_ends_is_ended(
    bank: Bank, dead_process: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who keeps losing to a transaction that is idle ends it, and then wins; nothing of it is left."""
    monkeypatch.setattr(abandoned, "IDLE_S", 0.5)
    monkeypatch.setattr(abandoned, "LOOK_INTERVAL_S", 0.1)

    async with asyncio.timeout(TRANSACTION_LIFETIME_S - 5):
        while True:
            try:
                outcome = await bank.transfer()
            except ConcurrentUpdate:
                continue
            break

    assert OutcomeKind.APPLIED is outcome
    assert ONE_EFFECT == await bank.effects()


async def test_a_transaction_that_is_at_work_is_left_alone(bank: Bank, dead_process: Database) -> None:
    """A transaction that has only just been idle may be alive: it is not ended."""
    assert 0 == await AbandonedTransactions(bank.database).end()


async def test_a_process_that_wakes_up_runs_its_work_again(
    bank: Bank, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process whose transaction was ended while it was frozen has no effect from it, and one from its next run."""
    monkeypatch.setattr(abandoned, "IDLE_S", 0.0)
    runs = 0

    async def freeze_once(session: Session) -> None:
        nonlocal runs
        runs += 1
        await write_every_wallet(bank.database, session)
        if runs == 1:
            assert 1 == await AbandonedTransactions(bank.database).end()
        await write_every_wallet(bank.database, session)

    await run_in_transaction(bank.database, freeze_once)

    assert 2 == runs


async def test_another_deployment_on_the_server_is_left_alone(
    bank: Bank, dead_process: Database, mongod: Mongod, driver: Driver
) -> None:
    """Whoever has connected to another database ends nothing of this one, however long it has been idle."""
    other, same = (connect(mongod.url(name), driver=driver) for name in ("other_books", bank.database.name))

    ended = [await AbandonedTransactions(database).end(idle_s=0) for database in (other, same)]

    await other.close()
    await same.close()
    assert [0, 1] == ended
