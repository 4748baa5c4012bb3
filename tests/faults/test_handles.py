"""A process that may open nothing more (T28)."""

from __future__ import annotations

import asyncio
import resource
from contextlib import AsyncExitStack, suppress

import psutil
import pytest

from adapters.embedded.free_port import LOOPBACK
from tests.faults.scene import handles
from tests.faults.stage import Stage

STARVED_S = 5
CLIENTS = 50


@pytest.mark.fault(
    "T28", "out of file descriptors", "RLIMIT_NOFILE lowered to what is open, every connection cut, 50 idle clients"
)
async def test_a_process_that_may_open_nothing_more_recovers_when_it_may(stage: Stage) -> None:
    """It cannot reconnect and says so; nothing is lost, and with the limit gone it goes on by itself."""
    async with stage.scene() as scene:
        process = psutil.Process(scene.service.pid)
        limits = process.rlimit(resource.RLIMIT_NOFILE)
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(500)))
        async with AsyncExitStack() as clients:
            process.rlimit(resource.RLIMIT_NOFILE, (handles(process.pid), limits[1]))
            scene.to_rabbitmq.cut()
            scene.to_mongod.cut()
            for _ in range(CLIENTS):
                with suppress(OSError):
                    _, writer = await asyncio.open_connection(LOOPBACK, scene.service.port)
                    clients.callback(writer.close)
            await asyncio.sleep(STARVED_S)  # the length of the fault
        process.rlimit(resource.RLIMIT_NOFILE, limits)
        await sending

        await scene.answered()
        assert process.is_running()
