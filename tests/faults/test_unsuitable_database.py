"""A database that cannot hold the books, or has lost what keeps them right (T70, T71): no process works on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from bson import ObjectId

from adapters.embedded import Mongod
from adapters.mongo.schemas import VALIDATORS
from tests.faults.stage import Stage
from tests.scenario import signup

OWNER_CURRENCY = "owner_currency"
COPIES = 20


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[Mongod]:
    """Start a database that is no replica set."""
    with Mongod(tmp_path / "standalone", replica_set=None) as server:
        yield server


@pytest.mark.fault("T70", "a standalone mongod", "a mongod that was started without --replSet")
async def test_a_standalone_database_is_refused_before_anything_is_taken(stage: Stage, standalone: Mongod) -> None:
    """The process ends with 2 and says what to type; events wait in their queues for one that can keep them."""
    async with stage.scene(started=False) as scene:
        opening = scene.load.opening()
        await scene.client.send(*opening)
        scene.service.launch(DATABASE_URL=standalone.url("mint_wallet"))

        assert 2 == await scene.service.wait_exit()

        assert "--replSet" in scene.service.log
        assert len(opening) == sum(queue.ready for queue in (await scene.queues()).values())
        await scene.start()


@pytest.mark.fault(
    "T71",
    "the unique index of the wallets is dropped, then another one stands in its place; a validator is gone",
    "dropIndex under two running processes; createIndex and collMod while they are down",
)
async def test_no_process_starts_without_its_indexes_and_validators(stage: Stage) -> None:
    """What is missing is made at the start, what is in the way is refused; owners have one wallet even without it."""
    async with stage.scene(services=2) as scene:
        wallets = scene.books["wallets"]
        new = scene.load.new_id()
        wallets.drop_index(OWNER_CURRENCY)
        await scene.client.send(*[signup(new)] * COPIES, scene.load.topup(new))
        await scene.answered()
        assert 1 == wallets.count_documents({"userId": ObjectId(new)})

        await asyncio.gather(*(service.terminate() for service in scene.services))
        scene.books.command({"collMod": "wallets", "validator": {}})
        wallets.create_index([("userId", 1), ("currency", 1)], name=OWNER_CURRENCY)
        await scene.client.send(scene.load.transfer())
        scene.service.launch()
        assert 2 == await scene.service.wait_exit()
        assert f"{OWNER_CURRENCY} on wallets must be" in scene.service.log

        wallets.drop_index(OWNER_CURRENCY)
        await scene.start()
        assert wallets.index_information()[OWNER_CURRENCY]["unique"]
        assert VALIDATORS["wallets"].options()["validator"] == wallets.options()["validator"]
