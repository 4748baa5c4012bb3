"""Queues and exchanges that somebody else has declared in another way are taken as they are (T53)."""

from __future__ import annotations

import pytest

from adapters.rabbitmq.topology import AUTH_EXCHANGE, DEAD_LETTER_QUEUE, TRANSACTION_EXCHANGE
from tests.faults.broker_operator import BrokerOperator
from tests.faults.stage import Stage

USER, UPDATE, REVERT = "wallet.user.q", "wallet.update.q", "wallet.revert.q"


@pytest.mark.fault("T53", "queues and exchanges exist with other arguments", "declared by an operator before the start")
async def test_what_is_declared_otherwise_is_used_as_it_is(stage: Stage) -> None:
    """The service starts and works with it: topic exchanges, quorum queues, limits, priorities."""
    async with stage.scene(started=False) as scene:
        operator = BrokerOperator(scene)
        for exchange in (AUTH_EXCHANGE, TRANSACTION_EXCHANGE):
            await operator.declare_exchange(exchange, "topic")
        await operator.declare_queue(USER, x_queue_type="quorum")
        await operator.declare_queue(UPDATE, x_max_priority=5)
        await operator.declare_queue(REVERT, x_max_length=100_000, x_overflow="reject-publish")
        await operator.declare_queue(DEAD_LETTER_QUEUE, x_queue_mode="lazy")
        await scene.start()
        await scene.open()
        await scene.client.send(*scene.load.mixed(300))
