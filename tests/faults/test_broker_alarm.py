"""A broker that is short of memory takes no publication, and goes on delivering (T52)."""

from __future__ import annotations

import pytest

from tests.faults.broker_operator import BrokerOperator
from tests.faults.outbox import waiting_answers
from tests.faults.signs import Signs
from tests.faults.stage import Stage
from tests.neighbour import eventually

EVENTS = 100
BACK_S = 30.0


@pytest.mark.fault("T52", "memory alarm of the broker", "rabbitmqctl set_vm_memory_high_watermark, with events waiting")
async def test_events_are_applied_while_the_broker_takes_no_publication(stage: Stage) -> None:
    """What waits is applied and acked although nothing can be published; the answers leave when the alarm is over."""
    async with stage.scene() as scene:
        signs = Signs(scene.service)
        scene.to_rabbitmq.refuse()
        await scene.client.send(*scene.load.transfers(EVENTS, duplicate_every=0), scene.load.poison())
        due = scene.unanswered()
        async with BrokerOperator(scene).memory_alarm():
            scene.to_rabbitmq.accept()

            async def is_applied() -> bool:
                return due <= waiting_answers(scene)

            async def is_acked() -> bool:
                queue = (await scene.queues())["wallet.update.q"]
                return queue.ready + queue.unacked == 1

            await eventually(is_applied, "all are applied and wait in the outbox", BACK_S)
            await eventually(is_acked, "all but the poison, which cannot be parked, are acked", BACK_S)
            await signs.logged("publications_unconfirmed", outcome="unknown")
            await signs.logged("rabbitmq_away", connection="publisher")
            await signs.counted("wallet_outbox_rows")
            assert due == scene.unanswered()
        await scene.service.wait_ready(BACK_S)
        await scene.client.send(*scene.load.mixed(100))
