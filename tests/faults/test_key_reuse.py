"""A transaction id that a producer uses again for something else (T04)."""

from __future__ import annotations

import pytest

from tests.faults.stage import Stage


@pytest.mark.fault("T04", "one transaction id with another meaning", "other amount, other recipient, other kind")
async def test_a_reused_id_moves_nothing_and_is_set_aside_with_its_reason(stage: Stage) -> None:
    """The first meaning stays; each other one is a dead letter ``key_reused``, and the log names its id."""
    async with stage.scene() as scene:
        sender, recipient, other = scene.load.users[:3]
        event = scene.load.transfer(sender, recipient)
        await scene.client.send(event)
        await scene.answered()

        message = event.message
        amount = message["amount"]
        assert isinstance(amount, int)
        recipient_field = "toUserId" if "toUserId" in message else "recipientId"
        conflicts = [event.but(amount=amount + 1), event.but(**{recipient_field: other}), event.but(type="topup")]
        scene.load.dead_letters["key_reused"] += len(conflicts)
        await scene.client.send(*conflicts)
        line = await scene.service.wait_line("event_dead_lettered")

        assert (message["transactionId"], "key_reused") == (line["transaction_id"], line["reason"])
