"""Events that go round the retry queues again and again, as the broker's detection of cycles would stop (T13)."""

from __future__ import annotations

import json

import pytest
from aio_pika import Message
from pamqp.common import FieldValue

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import INPUT_QUEUES, TRANSACTION_EXCHANGE, retry_queue
from tests.faults.scene import Scene
from tests.faults.signs import Signs
from tests.faults.stage import Stage
from tests.scenario import Event
from wallet_core import Subject

DELAYS_MS = (50, 100)
"""Short waits: the last is taken again and again while a signup may still come."""

EVENTS = 20
ROUNDS = 10

UPDATE = next(queue.name for queue in INPUT_QUEUES if queue.subject is Subject.COMPLETED)


@pytest.mark.fault("T13", "events go round and round, with x-death", "top-ups of users who sign up ten waits later")
async def test_what_goes_round_for_long_is_not_dropped(stage: Stage) -> None:
    """However often an event has waited, and whatever its history says, it is applied when the signup comes."""
    settings = {"WALLET_RETRY_DELAYS_MS": ",".join(map(str, DELAYS_MS))}
    async with stage.scene(settings=settings, late=EVENTS) as scene:
        signs = Signs(scene.service)
        await publish_with_history(scene, [scene.load.topup(user) for user in scene.load.late])
        await signs.counted(f'wallet_retries_total{{subject="{Subject.COMPLETED.value}"}}', above=EVENTS * ROUNDS)
        await scene.client.send(*scene.load.late_signups())


async def publish_with_history(scene: Scene, events: list[Event]) -> None:
    """Publish events whose headers say that the broker has dead-lettered them from queue to queue already."""
    queues = [UPDATE, *(retry_queue(UPDATE, delay_ms) for delay_ms in DELAYS_MS)]
    history: FieldValue = [
        {"queue": queue, "reason": "expired", "count": 9, "exchange": "", "routing-keys": [queue]} for queue in queues
    ]
    async with connected(scene.servers.rabbitmq.url(scene.vhost), "publisher") as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(TRANSACTION_EXCHANGE)
        for event in events:
            body = json.dumps(event.message)
            message = Message(body.encode(), headers={"x-death": history}, delivery_mode=2)
            await exchange.publish(message, event.subject.value, timeout=10)
            scene.history.add_sent(event.subject, body)
