"""An event loop that stands still for longer than the broker waits for a heartbeat (T29)."""

from __future__ import annotations

import pytest

from tests.faults.stage import HEARTBEAT_S, Stage

BLOCK_S = 4 * HEARTBEAT_S
"""The broker takes a client for dead after two heartbeats, and looks once in each."""


@pytest.mark.fault("T29", "a blocked event loop", "WALLET_BLOCK_AT, four heartbeats long between commit and ack")
async def test_process_that_stood_still_comes_back_and_doubles_nothing(stage: Stage) -> None:
    """The other process gets what it had in hand, and finds it in the books; the blocked one says so and reconnects."""
    async with stage.scene(services=2, started=False) as scene:
        blocked, other = scene.services
        blocked.launch(WALLET_FAULT_INJECTION="on", WALLET_BLOCK_AT=f"committed:{BLOCK_S}")
        await blocked.wait_ready()
        await scene.client.send(*scene.load.opening(), *scene.load.mixed(100))

        other.launch()
        await other.wait_ready()

        lost = await blocked.wait_line("rabbitmq_away")
        assert [BLOCK_S] == [line["duration_s"] for line in blocked.lines("fault_injected")]
        assert lost["connection"] in ("consumer", "publisher")
