"""A mongod that hangs: its connections stay open, and nothing is answered (T67)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import psutil
import pytest

from tests.faults.balance_poll import balances_polled
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.fixtures.driver import quick_on_pymongo

LONG_S = 20.0

TOLD_S_MAX = 15.0
"""How soon a fault must show (I13), seconds."""

THREADS_MORE_MAX = 5
"""Threads that a process may have more in an outage: one each for the batch, the relay, a probe, a read, the driver."""

PROBE_INTERVAL_S = 0.25


def threads(scene: Scene) -> int:
    """Count the threads of all processes."""
    return sum(psutil.Process(service.pid).num_threads() for service in scene.services)


@asynccontextmanager
async def probed(scene: Scene) -> AsyncIterator[None]:
    """Ask every process for its readiness four times a second, whether it has answered before or not."""

    async def ask_for_ever() -> None:
        async with asyncio.TaskGroup() as group:
            while not ended.is_set():
                for service in scene.services:
                    group.create_task(service.http.get("/health/ready"))
                await asyncio.sleep(PROBE_INTERVAL_S)

    ended = asyncio.Event()
    asking = asyncio.ensure_future(ask_for_ever())
    try:
        yield
    finally:
        ended.set()
        await asking


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


@quick_on_pymongo
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
    "T67",
    "mongod hangs for 20 s under load, while everybody keeps asking",
    "SIGSTOP, SIGCONT; balances and readiness asked all the time",
)
async def test_a_long_hang_piles_nothing_up(stage: Stage) -> None:
    """Readiness turns red, users get a 503, and no thread is kept for each one who asks."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}) as scene:
        async with balances_polled(scene) as poll:
            await scene.client.send(*scene.load.mixed(100))
            await scene.answered()
            threads_before = threads(scene)
            sending = asyncio.create_task(scene.client.send(*scene.load.mixed(200)))
            async with frozen(scene), probed(scene):
                for service in scene.services:
                    await service.wait_not_ready("mongodb", TOLD_S_MAX)
                await asyncio.sleep(LONG_S)  # the length of the hang is the fault
                threads_then = threads(scene)
            await sending
            await scene.answered()

        assert threads_then <= threads_before + THREADS_MORE_MAX * len(scene.services)
        assert set(poll.statuses) == {httpx2.codes.OK, httpx2.codes.SERVICE_UNAVAILABLE}
        assert not poll.unexplained(scene.books["wallets"].find(), scene.books["entries"].find())
