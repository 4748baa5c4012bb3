"""A broker that is stopped for a while, is not there at our start, or comes back without its data (T41, T42, T54)."""

from __future__ import annotations

import asyncio
import shutil

import httpx2
import pytest

from tests.faults.broker_view import wait_consumers
from tests.faults.held_commit import commit_held
from tests.faults.scene import Scene
from tests.faults.signs import Signs
from tests.faults.stage import Stage

STOP_MS = 6_000
"""In this time a broker is stopped: it takes one or two seconds."""

AWAY_S = 4.0
"""How long the broker is not there at our start, seconds: the pauses between tries have grown long by then."""

BACK_S = 30.0
"""Longest until all is as before, seconds (I9)."""


@pytest.mark.fault("T41", "clean stop of the broker", "SIGTERM to it while a batch is being committed; start")
async def test_what_was_committed_while_the_broker_was_away_is_told_when_it_is_back(stage: Stage) -> None:
    """Balances are read meanwhile, the outbox keeps the answers, readiness is red; then everything goes on alone."""
    async with stage.scene(services=1) as scene:
        signs = Signs(scene.service)
        user = scene.load.users[0]

        async with commit_held(scene, scene.load.topup(user, 5), STOP_MS):
            await asyncio.to_thread(scene.servers.rabbitmq.stop)
        await signs.not_ready()
        await signs.logged("rabbitmq_away", connection="consumer")
        await signs.logged("rabbitmq_away", connection="publisher")
        await signs.counted("wallet_outbox_rows")
        told, alive = await scene.balance_minor(scene.service, user), await scene.service.http.get("/health")
        due, untold = scene.load.balances_minor[user], scene.unanswered()
        await asyncio.to_thread(scene.servers.rabbitmq.start)
        await scene.service.wait_ready(BACK_S)
        await scene.client.send(*scene.load.mixed(200))

    assert due == told
    assert httpx2.codes.OK == alive.status_code
    assert 1 == len(untold)


@pytest.mark.fault("T42", "no broker at the start of the service", "broker stopped, service launched, broker started")
async def test_a_service_waits_for_a_broker_that_is_not_there_yet(stage: Stage) -> None:
    """It is alive, not ready, and says why; when the broker appears it works without being touched."""
    async with stage.scene(services=2, started=False) as scene:
        await asyncio.to_thread(scene.servers.rabbitmq.stop)
        every = [Signs(service) for service in scene.services]
        await scene.start(ready=False)
        for signs, service in zip(every, scene.services, strict=True):
            await signs.logged("rabbitmq_away", connection="consumer")
            await signs.not_ready()
            assert httpx2.codes.OK == (await service.http.get("/health")).status_code
        await asyncio.sleep(AWAY_S)
        await asyncio.to_thread(scene.servers.rabbitmq.start)
        for service in scene.services:
            await service.wait_ready(BACK_S)
        await scene.open()
        await scene.client.send(*scene.load.mixed(200))


@pytest.mark.fault("T54", "the broker comes back empty", "stop, data folder removed, start; virtual host made again")
async def test_a_broker_without_its_data_gets_its_topology_and_the_answers_that_waited(stage: Stage) -> None:
    """
    All exchanges, queues and bindings are there again, and what the outbox held is published.

    What lay in the queues is gone with the disk, so nothing lies there here: that part nobody can promise.
    """
    async with stage.scene(services=1) as scene:
        signs = Signs(scene.service)
        async with commit_held(scene, scene.load.transfer(), STOP_MS):
            await _lose_the_disk(scene)
            await signs.not_ready()

        await scene.service.wait_ready(BACK_S)
        await wait_consumers(scene, 1, BACK_S)
        await scene.answered()
        await scene.client.send(*scene.load.mixed(200))


async def _lose_the_disk(scene: Scene) -> None:
    rabbitmq = scene.servers.rabbitmq
    await asyncio.to_thread(rabbitmq.stop)
    shutil.rmtree(rabbitmq.data_dir / "mnesia")
    await asyncio.to_thread(rabbitmq.start)
    rabbitmq.add_vhosts(scene.vhost)
