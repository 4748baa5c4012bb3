"""Transactions that are too large, take too long, or find the disk full (T76)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.command_fault import command_fault
from tests.faults.metric import metric
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.integration.fail_points import failing
from tests.scenario import Event

LARGE_BYTES = 60_000
"""Nearly the largest body that is looked at, 64 KiB."""

BATCH = 300

ENTRY_BYTES_MAX = 2_000
"""A document of MongoDB may have 16 MB."""

LIFETIME = "transactionLifetimeLimitSeconds"

MET_S_MAX = 15.0

OUT_OF_DISK_SPACE = 14031
FULL_S = 3.0


@contextmanager
def short_transactions(scene: Scene, lifetime_s: int) -> Iterator[None]:
    """Let the server end each transaction after so many seconds."""
    admin = scene.servers.mongo.admin
    set_before = admin.command({"setParameter": 1, LIFETIME: lifetime_s})["was"]
    try:
        yield
    finally:
        admin.command({"setParameter": 1, LIFETIME: set_before})


def large(event: Event) -> Event:
    """Fill an event up to nearly the largest size."""
    return event.but(description="d" * (LARGE_BYTES // 2), note="n" * (LARGE_BYTES // 2))


@pytest.mark.fault(
    "T76", "300 events of 60 kB in one transaction", "bodies of nearly the largest size, waiting when the process looks"
)
async def test_no_event_makes_a_document_too_large(stage: Stage) -> None:
    """What an event may leave in a document is bounded, so a full batch of the largest fits in one transaction."""
    async with stage.scene() as scene:
        scene.service.freeze()
        await scene.client.send(*[large(scene.load.transfer()) for _ in range(BATCH)])
        scene.service.thaw()
        await scene.answered()

        assert not scene.service.lines("batch_waits_for_database")
        large_entries = {"$expr": {"$gt": [{"$bsonSize": "$$ROOT"}, ENTRY_BYTES_MAX]}}
        assert 0 == scene.books["entries"].count_documents(large_entries)


@pytest.mark.fault(
    "T76",
    "a transaction that takes longer than the server allows",
    "blockConnection on insert for 6 s, with transactionLifetimeLimitSeconds=1",
)
async def test_a_transaction_that_the_server_has_ended_runs_again(stage: Stage) -> None:
    """The server has undone it, so it runs again from its beginning, and has one effect."""
    async with stage.scene() as scene:
        raced_before = await metric(scene.service, "wallet_conflicts_total")
        slow = {"blockConnection": True, "blockTimeMS": 6_000}
        with short_transactions(scene, 1), command_fault(scene.servers.mongo, ["insert"], **slow) as point:
            await scene.client.send(*scene.load.transfers(5))
            assert await point.met(1, MET_S_MAX)
            await scene.answered()

        assert await metric(scene.service, "wallet_conflicts_total") > raced_before


@pytest.mark.fault(
    "T76", "the disk of the database is full for 3 s", "failCommand 14031 (OutOfDiskSpace) on every command that writes"
)
async def test_a_full_disk_is_waited_for(stage: Stage) -> None:
    """No event is to blame, none is set aside: readiness is red, the log names the error, and it goes on by itself."""
    async with stage.scene(services=2) as scene:
        writes = ["insert", "update", "delete", "findAndModify", "commitTransaction"]
        with failing(scene.servers.mongo, writes, errorCode=OUT_OF_DISK_SPACE):
            await scene.client.send(*scene.load.mixed(100))
            reason = await scene.services[0].wait_not_ready("rabbitmq")
            await asyncio.sleep(FULL_S)  # the length of the fault
            balance_minor = await scene.balance_minor(scene.service, scene.load.users[0])
        await scene.answered()

        assert "events wait for the database" in reason
        assert balance_minor is not None
        assert "OutOfDiskSpace" in scene.services[0].log
