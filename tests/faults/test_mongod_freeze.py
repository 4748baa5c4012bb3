"""A mongod that hangs: its connections stay open, and nothing is answered (T67)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import psutil
import pytest

from tests.faults.balance_poll import balances_polled
from tests.faults.scene import Scene
from tests.faults.stage import Stage

TOLD_S_MAX = 15.0
"""How soon a fault must show (I13), seconds."""

MORE_MAX = 3
"""Threads and connections that a process may have more in the second half of an outage than in the first."""


def threads_and_connections(scene: Scene) -> tuple[int, int]:
    """Count them over all processes."""
    processes = [psutil.Process(service.pid) for service in scene.services]
    return sum(process.num_threads() for process in processes), sum(process.num_fds() for process in processes)


@asynccontextmanager
async def frozen(scene: Scene) -> AsyncIterator[None]:
    """Let the database hang until the end of the block."""
    scene.servers.mongod.freeze()
    scene.history.note("mongod hangs")
    try:
        yield
    finally:
        scene.servers.mongod.thaw()
        scene.history.note("mongod goes on")


@pytest.mark.fault("T67", "mongod hangs for 3 s under load", "SIGSTOP, SIGCONT; two processes")
async def test_a_short_hang_is_waited_out(stage: Stage) -> None:
    """Three seconds are within the patience of a statement: everything goes on where it was."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}) as scene:
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(400)))
        await asyncio.sleep(scene.chance.uniform(0.1, 0.4))  # the moment is what is drawn
        async with frozen(scene):
            await asyncio.sleep(3)  # the length of the hang is the fault
        await sending


@pytest.mark.fault(
    "T67", "mongod hangs for 20 s under load, while users keep asking", "SIGSTOP, SIGCONT; balances asked all the time"
)
async def test_a_long_hang_piles_nothing_up(stage: Stage) -> None:
    """Readiness turns red, users get a 503, and neither threads nor connections grow with the length of the hang."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}) as scene:
        async with balances_polled(scene) as poll:
            sending = asyncio.create_task(scene.client.send(*scene.load.mixed(400)))
            await asyncio.sleep(scene.chance.uniform(0.1, 0.4))  # the moment is what is drawn
            async with frozen(scene):
                began_at_s = time.monotonic()
                for service in scene.services:
                    await service.wait_not_ready("mongodb", TOLD_S_MAX)
                await sending
                await asyncio.sleep(10 - (time.monotonic() - began_at_s))
                halfway = threads_and_connections(scene)
                await asyncio.sleep(10)  # the length of the hang is the fault
                at_the_end = threads_and_connections(scene)
            await scene.answered()

        assert all(end <= half + MORE_MAX for end, half in zip(at_the_end, halfway, strict=True))
        assert set(poll.statuses) == {httpx2.codes.OK, httpx2.codes.SERVICE_UNAVAILABLE}
        assert not poll.unexplained(scene.books["wallets"].find(), scene.books["entries"].find())
