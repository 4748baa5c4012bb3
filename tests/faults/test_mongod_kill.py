"""kill -9 of mongod under load (T66)."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.metric import metric_of_all
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.fixtures.driver import quick_on_pymongo

KILLS = 3

KILLS_MAX = 12
"""Most kills until one has hit a statement of a unit of work. It may hit a commit of each service instead: the driver
repeats that by itself when the server is back soon, and a transaction that is gone by then counts as a lost race."""

TOLD_S_MAX = 15.0
"""How soon a fault must show (I13), seconds."""


@quick_on_pymongo
@pytest.mark.fault("T66", "kill -9 of mongod under load, 3 times at least", "SIGKILL, then a start on the same data")
async def test_a_killed_database_costs_nothing_that_was_acknowledged(stage: Stage) -> None:
    """Whatever was answered is in the books after the restart, the rest is applied then; readiness names mongodb."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}) as scene:
        kills = 0
        while kills < KILLS or not await metric_of_all(scene, "wallet_store_connections_lost_total"):
            assert kills < KILLS_MAX
            kills += 1
            await _kill_under_load(scene)


async def _kill_under_load(scene: Scene) -> None:
    sending = asyncio.create_task(scene.client.send(*scene.load.mixed(200)))
    await asyncio.sleep(scene.chance.uniform(0.1, 0.5))  # the moment is what is drawn
    scene.servers.mongod.kill()
    scene.history.note("killed mongod")
    for service in scene.services:
        await service.wait_not_ready("mongodb", TOLD_S_MAX)
    await sending
    await asyncio.to_thread(scene.servers.mongod.start)
    await scene.answered()


@pytest.mark.fault("T66", "mongod stays dead until the log says so", "SIGKILL; a start when a process has logged it")
async def test_a_database_that_stays_dead_is_told(stage: Stage) -> None:
    """A process with events in hand says within 15 s that they wait, and why; nothing is settled meanwhile."""
    async with stage.scene() as scene:
        scene.servers.mongod.kill()
        await scene.client.send(*scene.load.mixed(20))
        line = await scene.service.wait_line("batch_waits_for_database", TOLD_S_MAX)
        reason = await scene.service.wait_not_ready("rabbitmq", TOLD_S_MAX)
        answers = len(scene.history.read)
        await asyncio.to_thread(scene.servers.mongod.start)

        assert "the database is away" in str(line["error"])
        assert "events wait for the database" in reason
        assert len(scene.load.users) == answers
