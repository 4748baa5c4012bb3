"""Input queues that somebody else has declared with a single active consumer: one process works, the other waits (T55).

We declare no such queue, but take what exists as it is. It makes no difference to what is promised: such a queue is no
lock, for what the broker believes to be gone may still be at work.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import INPUT_QUEUES
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.neighbour import eventually

SWITCHES = 3

LOAD_EVENTS = 300

UPDATES = "wallet.update.q"


@pytest.mark.fault("T55", "single active consumer switches under load", "SIGKILL of the active one of two, three times")
async def test_each_time_the_active_process_dies_the_other_goes_on(stage: Stage) -> None:
    """Whoever was active when it died, the next one takes over what it held, and nothing is done twice."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}, started=False) as scene:
        await _declare_with_single_active_consumer(scene)
        for service in scene.services:
            service.launch()
            await service.wait_ready()
        await scene.open()

        for switch in range(SWITCHES):
            before = await _active_consumer(scene)
            sending = asyncio.create_task(scene.client.send(*scene.load.mixed(LOAD_EVENTS)))
            active = scene.services[switch % 2]  # the first was there first, and who comes back stands behind the other
            await asyncio.sleep(scene.chance.uniform(0.1, 0.4))  # the moment is what is drawn
            active.kill()
            active.launch()
            await active.wait_ready()
            await sending
            assert before != await _active_consumer(scene)


async def _declare_with_single_active_consumer(scene: Scene) -> None:
    """Put other queues in the place of the plain ones, as an operator would who wants one process at a time."""
    async with connected(scene.servers.rabbitmq.url(scene.vhost), "operator") as connection:
        channel = connection.channel()
        await channel.initialize(timeout=10)
        for queue in INPUT_QUEUES:
            await channel.queue_delete(queue.name)
            declared = await channel.declare_queue(
                queue.name, durable=True, arguments={"x-single-active-consumer": True}
            )
            await declared.bind(queue.exchange, queue.subject.value)
        await channel.close()


async def _active_consumer(scene: Scene) -> str:
    """Wait until both processes consume the updates, and give the channel of the only one that gets any."""
    columns = ("queue_name", "channel_pid", "active")
    found: list[str] = []

    async def is_one_of_two() -> bool:
        output = await asyncio.to_thread(
            scene.servers.rabbitmq.ctl, "list_consumers", "-p", scene.vhost, "--formatter", "json", *columns
        )
        consumers = [one for one in json.loads(output) if one["queue_name"] == UPDATES]
        found[:] = [str(one["channel_pid"]) for one in consumers if one["active"]]
        return len(consumers) == len(scene.services) and len(found) == 1

    await eventually(is_one_of_two, "one of two consumers is active")
    return found[0]
