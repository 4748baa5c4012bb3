"""A dead-letter queue that takes nothing, or is gone (T12)."""

from __future__ import annotations

import pytest

from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE
from tests.faults.broker_operator import BrokerOperator
from tests.faults.scene import Scene
from tests.faults.signs import Signs
from tests.faults.stage import Stage
from tests.neighbour import eventually
from tests.scenario import Event

UPDATE = "wallet.update.q"
POISON = 5
BACK_S = 30.0


@pytest.mark.quick
@pytest.mark.fault("T12", "the dead-letter queue is full", "policy max-length 0, reject-publish; poison among events")
async def test_poison_stays_in_its_queue_while_no_dead_letter_is_taken(stage: Stage) -> None:
    """The events beside it are applied, it shows, and each letter is written once there is room."""
    async with stage.scene() as scene:
        signs = Signs(scene.service)
        async with BrokerOperator(scene).policy(DEAD_LETTER_QUEUE, max_length=0, overflow="reject-publish"):
            await scene.client.send(*poisoned(scene))
            await scene.answered()
            await signs.logged("parking_failed", waiting=POISON)

            async def is_kept() -> bool:
                return (await scene.queues())[UPDATE].unacked == POISON

            await eventually(is_kept, "the poison, and nothing else, is still in its queue")


@pytest.mark.fault("T12", "the dead-letter queue is gone", "queue.delete by an operator; poison among events")
async def test_a_dead_letter_queue_that_is_gone_is_declared_again(stage: Stage) -> None:
    """Poison that finds no dead-letter queue waits for a new one; what it needs is repaired, not dropped."""
    async with stage.scene() as scene:
        signs = Signs(scene.service)
        await BrokerOperator(scene).delete_queue(DEAD_LETTER_QUEUE)
        await scene.client.send(*poisoned(scene))
        await signs.logged("parking_failed")
        await scene.answered()

        async def are_parked() -> bool:
            queues = await scene.queues()
            return DEAD_LETTER_QUEUE in queues and queues[DEAD_LETTER_QUEUE].ready >= POISON

        await eventually(are_parked, "all letters are written", BACK_S)


def poisoned(scene: Scene) -> list[Event]:
    """Draw good events with poison between them."""
    events = scene.load.transfers(50)
    for number in range(POISON):
        events.insert(number * 10, scene.load.poison())
    return events
