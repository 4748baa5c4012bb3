"""kill -9 of the broker under load (T40)."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.broker_view import wait_consumers
from tests.faults.signs import Signs
from tests.faults.stage import Stage

EVENTS = 1_500
KILLS = 2


@pytest.mark.quick
@pytest.mark.fault("T40", "kill -9 of the broker under load", "SIGKILL at drawn moments, twice; two processes")
async def test_a_broker_that_dies_under_load_costs_nothing(stage: Stage) -> None:
    """Each process says that the broker is gone, comes back to it by itself, and every event counts once."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "50"}) as scene:
        every = [Signs(service) for service in scene.services]
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(EVENTS)))

        for _ in range(KILLS):
            await asyncio.sleep(scene.chance.uniform(0.2, 1.0))  # the moment is what is drawn
            scene.servers.rabbitmq.kill()
            scene.history.note("killed the broker")
            for signs in every:
                await signs.not_ready()
                await signs.logged("rabbitmq_away", connection="consumer")
            await asyncio.to_thread(scene.servers.rabbitmq.start)
        await sending

        await wait_consumers(scene, 2, timeout_s=30)
