"""The end of a process that was asked to end (SIGTERM), under load."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

import httpx2
import pytest

from adapters.rabbitmq.topology import INPUT_QUEUES
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.fixtures.wallet_process import WalletProcess
from tests.neighbour import eventually

GRACE_S = 8
"""The default of WALLET_SHUTDOWN_GRACE_MS, in seconds."""

EXIT_S = 3
"""What the last goodbyes and the end of the process may take besides, on a machine with other work."""


async def busy(scene: Scene, process: WalletProcess) -> None:
    """Wait until the process has handled some of the load."""
    handled = len(process.lines("answers_published"))

    async def has_moved() -> bool:
        return scene.books["transactions"].count_documents({}) > len(scene.load.users) + 50 + handled

    await eventually(has_moved, "some transfers are in the books")


@pytest.mark.quick
@pytest.mark.fault("T22", "SIGTERM under load", "SIGTERM while 2,000 transfers wait; the other process goes on")
async def test_asked_to_end_it_finishes_and_the_rest_goes_to_the_other(stage: Stage) -> None:
    """It exits 0 within its grace time, and what it had not taken is done by the process that stays."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20", "WALLET_PREFETCH": "100"}) as scene:
        leaving, staying = scene.services
        await scene.client.send(*scene.load.transfers(2_000))
        await busy(scene, leaving)

        began_at_s = time.monotonic()
        exit_code = await leaving.terminate()

        assert 0 == exit_code
        assert time.monotonic() - began_at_s < GRACE_S + EXIT_S
        await scene.answered()
        assert {await consumers(scene, queue.name) for queue in INPUT_QUEUES} == {1}
        scene.services.remove(leaving)
        assert not staying.lines("consumption_halted")


@pytest.mark.fault("T22", "SIGTERM while the database hangs", "mongod frozen, then SIGTERM; thawed when it has ended")
async def test_asked_to_end_while_the_database_hangs_it_still_ends_in_time(stage: Stage) -> None:
    """Readiness is red, the process ends within its grace time, and everything it had returns to the broker."""
    async with stage.scene() as scene:
        scene.servers.mongod.freeze()
        await scene.client.send(*scene.load.transfers(100))
        await scene.service.wait_not_ready("mongodb")

        began_at_s = time.monotonic()
        await scene.service.terminate()

        assert time.monotonic() - began_at_s < GRACE_S + EXIT_S
        scene.servers.mongod.thaw()
        await scene.start()


@pytest.mark.fault("T22", "a second SIGTERM", "mongod frozen so that the first SIGTERM has something to wait for")
async def test_a_second_signal_ends_it_at_once(stage: Stage) -> None:
    """Whoever asks twice does not want to wait; nothing is lost by it."""
    async with stage.scene() as scene:
        scene.servers.mongod.freeze()
        await scene.client.send(*scene.load.transfers(100))
        await scene.service.wait_not_ready("mongodb")

        scene.service.signal(signal.SIGTERM)
        await scene.service.wait_line("service_stopping")
        scene.service.signal(signal.SIGTERM)
        began_at_s = time.monotonic()
        await scene.service.wait_exit()

        assert time.monotonic() - began_at_s < EXIT_S
        scene.servers.mongod.thaw()
        await scene.start()


@pytest.mark.fault("T22", "SIGTERM, seen by a load balancer", "readiness asked without pause while the process ends")
async def test_readiness_goes_red_before_anything_is_closed(stage: Stage) -> None:
    """The last thing that a balancer hears from a process that ends is that it is not ready."""
    async with stage.scene(services=2) as scene:
        leaving = scene.services[0]
        await scene.client.send(*scene.load.transfers(500))
        heard: list[int] = []

        async def listen() -> None:
            with suppress(httpx2.TransportError):  # it has ended
                while True:
                    heard.append((await leaving.http.get("/health/ready")).status_code)

        listening = asyncio.create_task(listen())
        await leaving.terminate()
        await asyncio.wait([listening], timeout=5)

        assert 503 == heard[-1]
        assert heard == sorted(heard)
        scene.services.remove(leaving)


async def consumers(scene: Scene, queue: str) -> int:
    """Ask the broker how many consumers a queue has."""
    output = await asyncio.to_thread(
        scene.servers.rabbitmq.ctl, "-q", "list_queues", "-p", scene.vhost, "--no-table-headers", "name", "consumers"
    )
    return {name: int(count) for name, count in (line.split("\t") for line in output.splitlines())}[queue]
