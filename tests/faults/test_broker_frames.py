"""Connections that break at every frame of a batch: while publishing, confirming, delivering and acking (T44)."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.frame_fault import FrameFault, Kind
from tests.faults.scene import Scene
from tests.faults.stage import Stage

EVENTS = 3
"""Events of each turn: published and delivered in three frames each, confirmed and acked in up to one frame each."""

CUTS = {Kind.PUBLISH: 3 * EVENTS, Kind.CONFIRM: 1, Kind.DELIVER: 3 * EVENTS, Kind.ACK: 1}
"""Frames of each kind that are sure to come in a turn: the broker and we may confirm many with one."""

ORDER = sorted((number, kind.name, kind) for kind, numbers in CUTS.items() for number in range(1, numbers + 1))

CUTS_OF_A_LIFE = 8
"""Cuts until the process is started again, so that its growing pauses between connections do not make the test long."""


@pytest.mark.fault("T44", "connection reset at the n-th frame", "each frame of publish, confirm, deliver, ack; a proxy")
async def test_a_cut_at_any_frame_loses_and_doubles_nothing(stage: Stage) -> None:
    """Wherever the connection breaks, each event counts once and is answered."""
    async with stage.scene(started=False) as scene:
        fault = FrameFault()
        scene.to_rabbitmq.inspector = fault.inspector
        await scene.start()
        await scene.open()

        for turn, (number, _, kind) in enumerate(ORDER, 1):
            fault.cut_at(kind, number)
            scene.history.note(f"cut at {kind.name} {number}")
            await scene.client.send(*(scene.load.transfer() for _ in range(EVENTS)))
            await asyncio.wait_for(fault.happened.wait(), 20)
            await scene.answered()
            if turn % CUTS_OF_A_LIFE == 0:
                await restart(scene)


async def restart(scene: Scene) -> None:
    """End the process in good order and start it again."""
    assert 0 == await scene.service.terminate()
    await scene.start()
