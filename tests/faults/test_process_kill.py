"""kill -9 of our own process at random moments under load (T21)."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.stage import Stage

KILLS = 5


@pytest.mark.fault("T21", "kill -9 of the service at random under load", "SIGKILL to one of two processes, five times")
async def test_kills_at_random_moments_lose_and_double_nothing(stage: Stage) -> None:
    """Whichever process dies whenever, every balance is exact and every transaction has its last answer."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "50"}) as scene:
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(1_500)))

        for _ in range(KILLS):
            victim = scene.chance.choice(scene.services)
            await asyncio.sleep(scene.chance.uniform(0.1, 0.6))  # the moment is what is drawn
            victim.kill()
            scene.history.note(f"killed {victim.pid}")
            victim.launch()
            await victim.wait_ready()
        await sending
