"""Channels and consumers that the broker ends: a queue deleted, an ack twice, an ack too late (T48)."""

from __future__ import annotations

import pytest

from tests.faults.broker_operator import BrokerOperator
from tests.faults.broker_view import wait_consumers
from tests.faults.frame_fault import FrameFault, Kind
from tests.faults.held_commit import commit_held
from tests.faults.signs import Signs
from tests.faults.stage import Stage

BACK_S = 10.0
"""Until a consumer is back, seconds (T48)."""

UPDATE = "wallet.update.q"

CONSUMER_TIMEOUT_MS = 1_000
"""How long the broker waits for an ack (default 30 minutes)."""


@pytest.mark.quick
@pytest.mark.fault("T48", "an input queue is deleted (basic.cancel)", "queue.delete by an operator, under other load")
async def test_a_deleted_queue_is_declared_and_consumed_again(stage: Stage) -> None:
    """Both processes hear of it and are back within ten seconds; what is sent from then on is applied."""
    async with stage.scene(services=2) as scene:
        every = [Signs(service) for service in scene.services]
        await BrokerOperator(scene).delete_queue(UPDATE)
        for signs in every:
            line = await signs.logged("rabbitmq_away", connection="consumer")
            assert UPDATE in str(line["reason"])

        await wait_consumers(scene, 2, BACK_S)
        await scene.client.send(*scene.load.mixed(200))


@pytest.mark.fault("T48", "the broker closes the channel (406)", "the same ack twice: a frame doubled by the proxy")
async def test_a_channel_that_the_broker_closes_is_opened_again(stage: Stage) -> None:
    """What was unsettled on it comes again, and counts once."""
    async with stage.scene(started=False) as scene:
        fault = FrameFault()
        scene.to_rabbitmq.inspector = fault.inspector
        await scene.start()
        await scene.open()
        signs = Signs(scene.service)

        fault.double(Kind.ACK)
        await scene.client.send(*scene.load.mixed(300))

        line = await signs.logged("rabbitmq_away", connection="consumer")
        assert "unknown delivery tag" in str(line["reason"])
        await wait_consumers(scene, 1, BACK_S)


@pytest.mark.fault("T48", "an ack that comes too late", "consumer_timeout 1 s, and a commit that takes four")
async def test_a_delivery_that_was_held_for_too_long_is_known_when_it_comes_again(stage: Stage) -> None:
    """The broker closes the channel while a batch is being committed: its ack is lost, its effect is there once."""
    async with stage.scene() as scene, BrokerOperator(scene).consumer_timeout(CONSUMER_TIMEOUT_MS):
        scene.to_rabbitmq.cut()  # the limit counts for channels that are opened now
        await wait_consumers(scene, 1, BACK_S)
        signs = Signs(scene.service)

        async with commit_held(scene, scene.load.transfer(), 4_000):
            pass

        line = await signs.logged("rabbitmq_away", connection="consumer")
        assert "delivery acknowledgement" in str(line["reason"])
        await signs.logged("acks_lost")
        await wait_consumers(scene, 1, BACK_S)
