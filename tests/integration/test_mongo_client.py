"""Connecting: which databases are refused, with what advice, and what an outage looks like."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo import MongoClient

from adapters.embedded import Mongod
from adapters.mongo import client, fields
from adapters.mongo.client import Database, connect
from adapters.mongo.driver import Driver
from adapters.mongo.errors import UnsuitableStore
from adapters.mongo.reader import MongoReader
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.fixtures.driver import over_both_drivers
from tests.integration.fail_points import failing, until_blocked
from wallet_core.errors import StoreUnavailable
from wallet_core.testing.conformance.store import ALICE, error_of

pytestmark = over_both_drivers

Client = MongoClient[dict[str, object]]

NOBODY = "mongodb://127.0.0.1:9/wallet"
"""Port 9 (discard) below all ports that tests use: nothing listens."""


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[Mongod]:
    """Run a mongod that is no replica set."""
    with Mongod(tmp_path, replica_set=None) as server:
        yield server


@pytest.fixture
def uninitiated(tmp_path: Path) -> Iterator[Mongod]:
    """Run a mongod with --replSet whose set has no members yet."""
    server = Mongod(tmp_path)
    server.launch()
    yield server
    server.stop()


async def test_a_replica_set_is_accepted(database: Database) -> None:
    """A replica set passes the check and answers a ping."""
    await database.check()
    await database.ping()


async def test_a_standalone_is_refused_with_what_to_type(standalone: Mongod, driver: Driver) -> None:
    """A standalone mongod is refused, and the text names every step to a replica set, with authentication too."""
    database = connect(standalone.url("wallet"), driver=driver)

    with pytest.raises(UnsuitableStore) as refused:
        await database.check()

    for step in ("--replSet", "--keyFile", "openssl rand", "rs.initiate", "host name"):
        assert step in str(refused.value)
    await database.close()


async def test_a_set_that_is_not_initiated_is_waited_for(
    uninitiated: Mongod, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set without members may get them any moment: it is an outage, whose text says what to type."""
    monkeypatch.setattr(client, "SERVER_SELECTION_TIMEOUT_MS", 300)
    database = connect(f"mongodb://127.0.0.1:{uninitiated.port}/wallet?replicaSet=rs0", driver=driver)

    with pytest.raises(StoreUnavailable, match=r"rs\.initiate"):
        await database.check()
    await database.close()


async def test_a_wrong_password_is_refused(mongod: Mongod, driver: Driver) -> None:
    """A login that the database refuses will not get better by waiting, and is not repeated in the text."""
    url = f"mongodb://alice:s3cret@127.0.0.1:{mongod.port}/wallet?replicaSet=rs0&authSource=admin"
    database = connect(url, driver=driver)

    with pytest.raises(UnsuitableStore, match="user or the password") as refused:
        await database.check()

    assert "s3cret" not in str(refused.value)
    await database.close()


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://127.0.0.1:27017",
        "mongodb://127.0.0.1:27017/?authSource=admin",
        "mongodb://root:s3cret/x@mongodb:27017/wallet",
        "mongodb://root:s3cret@mongodb:port/wallet",
        "mongodb://root:s3cret@/wallet",
        "postgres://root:s3cret@mongodb/wallet",
        "",
    ],
)
async def test_an_unusable_url_is_refused_without_its_password(url: str, driver: Driver) -> None:
    """A URL without a database, or that cannot be read, is refused with an example; nothing of it is repeated."""
    with pytest.raises(UnsuitableStore, match="DATABASE_URL") as refused:
        connect(url, driver=driver)

    assert "s3cret" not in f"{refused.value!r}{refused.value.__cause__!r}"


async def test_a_database_that_is_away_is_an_outage(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: every edge of the adapter says StoreUnavailable, within its time."""
    monkeypatch.setattr(client, "SERVER_SELECTION_TIMEOUT_MS", 300)
    monkeypatch.setattr(client, "PING_TIMEOUT_S", 1.0)
    database = connect(NOBODY, driver=driver)

    async with asyncio.timeout(10):
        errors = [
            await error_of(database.check()),
            await error_of(database.ping()),
            await error_of(MongoReader(database).wallet_of(ALICE)),
            await error_of(MongoUnitOfWork(database).probe()),
        ]

    assert [True] * 4 == [isinstance(error, StoreUnavailable) for error in errors]
    await database.close()


async def test_a_frozen_database_fails_a_ping_in_time(
    mongod: Mongod, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ping to a database that hangs ends in time, again and again, and one after the thaw succeeds."""
    monkeypatch.setattr(client, "PING_TIMEOUT_S", 0.2)
    await database.ping()

    mongod.freeze()
    try:
        async with asyncio.timeout(5):
            errors = [await error_of(database.ping()) for _ in range(5)]
    finally:
        mongod.thaw()

    assert [True] * 5 == [isinstance(error, StoreUnavailable) for error in errors]
    monkeypatch.setattr(client, "PING_TIMEOUT_S", 20.0)
    await database.ping()


async def test_time_is_read_in_utc(database: Database, mongo_client: Client) -> None:
    """Instants come back aware and in UTC, whatever the machine's zone."""
    instant = datetime(2025, 1, 15, 12, 0, tzinfo=UTC)
    mongo_client[database.name]["times"].insert_one({"at": instant})

    (document,) = await database.collection("times").find({}, rows_expected=1)
    read = fields.instant(document, "at")

    assert instant == read
    assert UTC is read.tzinfo


async def test_closing_does_not_wait_for_a_database_that_hangs(database: Database, mongo_client: Client) -> None:
    """The goodbye to a server that answers nothing ends in time, and the loop goes on meanwhile."""
    await database.ping()

    with failing(mongo_client, ["endSessions"], times=1, blockConnection=True, blockTimeMS=2_000):
        began_at_s = time.monotonic()
        closing = asyncio.ensure_future(database.close())
        await until_blocked(mongo_client, "endSessions")
        went_on = not closing.done()
        await closing
        closed_s = time.monotonic() - began_at_s

    assert went_on
    assert closed_s < 1.5


async def test_a_database_that_hangs_is_left_in_time(
    mongod: Mongod, database_url: str, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a question open and a session to take leave of, closing ends in time; after the thaw no task is left."""
    monkeypatch.setattr(client, "PING_TIMEOUT_S", 0.2)
    before = asyncio.all_tasks()
    database = connect(database_url, driver=driver)
    await asyncio.gather(*(MongoUnitOfWork(database).probe() for _ in range(2)))

    mongod.freeze()
    try:
        asked = await error_of(database.ping())
        began_at_s = time.monotonic()
        await database.close()
        closed_s = time.monotonic() - began_at_s
    finally:
        mongod.thaw()

    assert isinstance(asked, StoreUnavailable)
    assert closed_s < 1.5
    going_on = asyncio.all_tasks() - before
    assert not going_on or not (await asyncio.wait(going_on, timeout=5))[1]
