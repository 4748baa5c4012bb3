"""An operator's own quorum queue, which counts how often it has delivered a message (T11)."""

from __future__ import annotations

import pytest
from pamqp.common import FieldTable

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.integration.fail_points import failing
from tests.neighbour import eventually

LIMIT = 2
BLOCK_MS = 60_000
KILLS_MAX = 10
QUEUE = "wallet.update.q"


async def declare_quorum(scene: Scene) -> None:
    """Put a quorum queue in the place of ours, as an operator may before the first start."""
    async with connected(scene.servers.rabbitmq.url(scene.vhost), "operator") as connection:
        channel = await connection.channel()
        await channel.queue_delete(QUEUE)
        await channel.declare_queue(DEAD_LETTER_QUEUE, durable=True)
        arguments: FieldTable = {
            "x-queue-type": "quorum",
            "x-delivery-limit": LIMIT,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": DEAD_LETTER_QUEUE,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        queue = await channel.declare_queue(QUEUE, durable=True, arguments=arguments)
        await queue.bind("transaction.events", "transaction.completed")


async def kill_until_dead(scene: Scene) -> None:
    """Kill the process whenever it holds the message, until the broker has set it aside."""
    for _ in range(KILLS_MAX):
        await scene.service.wait_ready()

        async def is_held() -> bool:
            return bool((await scene.queues())[QUEUE].unacked) or await is_dead(scene)

        await eventually(is_held, "the process holds the message", timeout_s=30)
        if await is_dead(scene):
            return
        scene.service.kill()
        scene.service.launch()
    raise AssertionError(f"delivered {KILLS_MAX} times, and the limit is {LIMIT}")


async def is_dead(scene: Scene) -> bool:
    """Tell whether the broker has set the message aside."""
    return bool((await scene.queues())[DEAD_LETTER_QUEUE].ready)


@pytest.mark.fault(
    "T11",
    "the broker's delivery limit is reached",
    "a quorum queue with limit 2 declared first; the process killed again and again while it holds a message",
)
async def test_a_message_over_the_limit_is_with_the_dead_letters_and_not_gone(stage: Stage) -> None:
    """It can be listed with the queue that it came from, and replayed when the cause is gone."""
    async with stage.scene(started=False) as scene:
        await declare_quorum(scene)
        await scene.start()
        await scene.open()
        with failing(scene.servers.mongo, ["update"], after=0, blockConnection=True, blockTimeMS=BLOCK_MS):
            await scene.client.send(scene.load.transfer())
            await kill_until_dead(scene)

        _, listed, _ = await scene.run("dead-letters", "list")
        code, output, errors = await scene.run("dead-letters", "replay", "--all")

        assert QUEUE in listed
        assert 0 == code, f"{output}\n{errors}"
