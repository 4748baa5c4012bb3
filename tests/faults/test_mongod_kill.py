"""kill -9 of mongod under load (T66)."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.metric import metric_of_all
from tests.faults.stage import Stage
from tests.fixtures.driver import quick_on_pymongo

KILLS = 3

TOLD_S_MAX = 15.0
"""How soon a fault must show (I13), seconds."""


@quick_on_pymongo
@pytest.mark.fault("T66", "kill -9 of mongod at random under load, 3 times", "SIGKILL, then a start on the same data")
async def test_a_killed_database_costs_nothing_that_was_acknowledged(stage: Stage) -> None:
    """Whatever was answered is in the books after the restart, the rest is applied then; readiness names mongodb."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}) as scene:
        for _ in range(KILLS):
            sending = asyncio.create_task(scene.client.send(*scene.load.mixed(200)))
            await asyncio.sleep(scene.chance.uniform(0.1, 0.5))  # the moment is what is drawn
            scene.servers.mongod.kill()
            scene.history.note("killed mongod")
            for service in scene.services:
                await service.wait_not_ready("mongodb", TOLD_S_MAX)
            await sending
            await asyncio.to_thread(scene.servers.mongod.start)
            await scene.answered()

        # A moment that is drawn may hit a commit, which is repeated, or the statements before it, which are lost.
        lost = await metric_of_all(scene, "wallet_store_connections_lost_total")
        assert lost + await metric_of_all(scene, "wallet_commits_repeated_total")


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
