"""A process that is told to kill itself, and is started again, as its platform would, when it has done so.

``dying`` starts it, and ends when it was killed at the step it was told, and its successor is ready. What it wrote
before it died is the proof of where that was.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults.scene import Scene

KILLED = -int(signal.SIGKILL)
"""The exit code of a process that was killed."""

DEATH_S_MAX = 60.0
"""Longest wait for the death, seconds: a start, some events, and the last delay of a retry."""


@asynccontextmanager
async def dying(scene: Scene, step: str, times: int = 1) -> AsyncIterator[asyncio.Task[None]]:
    """
    Start the service, told to die at ``step``, and start its successor when it has.

    The block may end before that; it is cancelled when the process ends in any other way. Gives the task that watches.
    """
    file = scene.folder / f"service-dies-at-{step}-{times}.history"
    scene.service.launch(WALLET_FAULT_INJECTION="on", WALLET_CRASH_AT=f"{step}:{times}", WALLET_FAULT_HISTORY=str(file))
    async with asyncio.TaskGroup() as group:
        yield group.create_task(_replace_when_dead(scene, step))
    assert [step] * times == [reached for reached in steps_reached(file) if reached == step]
    assert step == steps_reached(file)[-1]


async def _replace_when_dead(scene: Scene, step: str) -> None:
    """Take away the lease that it may hold, as 15 s would, so that nobody has to wait for them at every step."""
    exit_code = await scene.service.wait_exit(DEATH_S_MAX)
    assert KILLED == exit_code, f"it ended with {exit_code} and never reached {step}: {scene.service.log[-2_000:]}"
    scene.books["leases"].delete_many({})
    scene.service.launch()
    await scene.service.wait_ready()


def steps_reached(file: Path) -> list[str]:
    """Give the steps of the process that was told, in order."""
    return [str(json.loads(line)["step"]) for line in file.read_text(encoding="utf-8").splitlines()]
