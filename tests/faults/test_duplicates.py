"""The same event more than once: again later, at once to two processes, under another message id."""

from __future__ import annotations

import pytest

from tests.faults.client import Outgoing, plain_properties
from tests.faults.stage import Stage
from tests.neighbour import body_of

COPIES = 10


@pytest.mark.quick
@pytest.mark.fault("T01", "every message again, later", "all events published a second time when all are answered")
async def test_a_message_that_comes_again_later_has_no_second_effect(stage: Stage) -> None:
    """What is known is answered again, and moves nothing."""
    async with stage.scene() as scene:
        events = scene.load.mixed(100)
        await scene.client.send(*events)
        await scene.rest()
        answers = len(scene.history.read)

        await scene.client.send(*(event for event in events if event.message.get("nonce") is None))
        await scene.rest()

        assert len(scene.history.read) > answers


@pytest.mark.quick
@pytest.mark.fault(
    "T02", "one message to two consumers at once", "ten copies of each event, two processes, prefetch 10"
)
async def test_copies_that_arrive_at_once_have_one_effect(stage: Stage) -> None:
    """Whoever commits first wins; the copies of the others are acknowledged as known."""
    settings = {"WALLET_PREFETCH": "10", "WALLET_BATCH_MAX": "5"}
    async with stage.scene(services=2, settings=settings) as scene:
        await scene.client.send(*(event for event in scene.load.transfers(60) for _ in range(COPIES)))


@pytest.mark.quick
@pytest.mark.fault("T05 T16", "one transaction under several message ids, or none", "the same body, other properties")
async def test_the_transaction_id_counts_and_no_message_id(stage: Stage) -> None:
    """A producer that makes its message anew has not made a new transaction."""
    async with stage.scene() as scene:
        for event in scene.load.transfers(20, duplicate_every=0):
            for message_id in ("one", "another", "one", None):
                outgoing = Outgoing(event.subject, body_of(event), plain_properties(message_id))
                await scene.client.send_outgoing(outgoing)
