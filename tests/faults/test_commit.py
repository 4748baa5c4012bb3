"""Commits whose result the service does not learn, or learns to be none (T61, T62, T63)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from adapters.rabbitmq.topology import INPUT_QUEUES
from tests.faults.command_fault import command_fault
from tests.faults.metric import metric_of_all
from tests.faults.reply_loss import ReplyLoss, reply_loss
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.fixtures.driver import over_both_drivers
from tests.integration.fail_points import TRANSIENT
from tests.neighbour import eventually

LOST_S_MAX = 20.0
"""How long the replies of a load may take to be lost, seconds."""

ENDLESS = 1_000_000

MET_S_MAX = 20.0

NO_SUCH_TRANSACTION = 251
NOT_REPLICATED = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}


@asynccontextmanager
async def losing_scene(stage: Stage) -> AsyncIterator[tuple[Scene, ReplyLoss]]:
    """Play a scene of two processes behind what can lose replies; the wallets are open."""
    async with (
        reply_loss(stage.servers.mongod.url()) as loss,
        stage.scene(services=2, started=False, settings={"WALLET_BATCH_MAX": "20"}) as scene,
    ):
        database_url = str(URL(scene.settings["DATABASE_URL"]).with_port(loss.port))
        for service in scene.services:
            service.launch(DATABASE_URL=database_url)
        for service in scene.services:
            await service.wait_ready()
        await scene.open()
        yield scene, loss


async def lost(loss: ReplyLoss, replies: int) -> None:
    """Wait until so many replies are lost."""

    async def are_lost() -> bool:
        return loss.lost >= replies

    await eventually(are_lost, f"{replies} lost replies", LOST_S_MAX)


@over_both_drivers
@pytest.mark.quick
@pytest.mark.fault(
    "T61",
    "the reply to a commit lost 1, 2, 10 times, then every one for a while",
    "a proxy that resets the connection at the reply of a commit that has happened; two processes",
)
async def test_a_commit_whose_reply_is_lost_has_one_effect(stage: Stage) -> None:
    """The commit is sent again until its result is known; nothing is acked before."""
    async with losing_scene(stage) as (scene, loss):
        for times in (1, 2, 10):
            loss.lost, loss.to_lose = 0, times
            await scene.client.send(*scene.load.mixed(100))
            await lost(loss, times)
            await scene.answered()

        loss.lost, loss.to_lose = 0, ENDLESS
        await scene.client.send(scene.load.transfer())
        await lost(loss, 5)
        await scene.answered()  # it has happened, the relay has seen it in the books
        queues = await scene.queues()
        told = await metric_of_all(scene, "wallet_commits_repeated_total")
        loss.to_lose = 0

        assert 1 == sum(queues[queue.name].unacked for queue in INPUT_QUEUES)
        assert told


@pytest.mark.fault(
    "T62", "a commit answers that its transaction is gone (251), 5 times", "failCommand 251 TransientTransactionError"
)
async def test_a_transaction_that_is_gone_at_its_commit_runs_again(stage: Stage) -> None:
    """Nothing has happened, so all of it runs again; a commit that says so often enough only costs time."""
    fault = {"errorCode": NO_SUCH_TRANSACTION, "errorLabels": TRANSIENT}
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}) as scene:
        raced_before = await metric_of_all(scene, "wallet_conflicts_total")
        with command_fault(scene.servers.mongo, ["commitTransaction"], times=5, **fault) as point:
            await scene.client.send(*scene.load.mixed(200))
            assert await point.met(5, MET_S_MAX)
            await scene.answered()

        assert await metric_of_all(scene, "wallet_conflicts_total") >= raced_before + 5


@pytest.mark.fault(
    "T63",
    "a commit that has happened reports a write-concern timeout (64), 5 times",
    "failCommand with writeConcernError on commitTransaction",
)
async def test_a_commit_that_is_not_replicated_in_time_is_sent_again(stage: Stage) -> None:
    """A write-concern timeout says nothing about the commit, so it is asked again; the metric shows it."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}) as scene:
        with command_fault(
            scene.servers.mongo, ["commitTransaction"], times=5, writeConcernError=NOT_REPLICATED
        ) as point:
            await scene.client.send(*scene.load.mixed(200))
            assert await point.met(5, MET_S_MAX)
            await scene.answered()

        assert await metric_of_all(scene, "wallet_commits_repeated_total") >= 1
