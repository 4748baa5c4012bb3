"""One drain: a full queue, then a process that empties it, with a client that reads every answer.

::

    all messages are ready ─ client reads ─ process starts ─ first delivery ........ last answer read
                                                             └───── the time that counts ─────┘

The same for the service and for the reference loop: rate = messages / (last answer read - first message delivered). So
the start of the process does not count, its first batch does. The first delivery is seen by asking the broker every
5 ms how many messages are ready.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import FINALIZED_QUEUE
from tests.benchmarks import queues
from tests.benchmarks.conservation import Ledger, WrongRun, check_answers, check_books, check_broker
from tests.benchmarks.echo import QUEUE_IN, QUEUE_OUT
from tests.benchmarks.program import Program, cpu_s, started
from tests.benchmarks.servers import Place, Servers
from tests.benchmarks.transfers import Load
from tests.e2e.console import run_wallet
from tests.faults.client import declare
from tests.fixtures.wallet_process import WalletProcess

INPUT = "wallet.update.q"

READY_S_MAX = 30.0
DRAINED_S_MAX = 900.0
"""Longest waits for a process to begin, and for a queue to be empty, seconds."""

LOOK_S = 0.5
"""How often the memory is looked at, seconds."""

LOG_SHOWN = 4_000
"""Characters of a log that are shown when something is wrong."""

NS = 1_000_000_000
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Drained:
    """
    How a queue was emptied.

    ``start_s`` is the time from before the start of the first process to the first answer, ``cpu_s`` the processor time
    of each process, ``rss_mib`` the resident memory of the largest worker, looked at again and again, ``repeated`` the
    answers that came once more.
    """

    messages: int
    seconds: float
    start_s: float
    cpu_s: Mapping[str, float]
    rss_mib: tuple[float, ...]
    repeated: int

    @property
    def rate_per_s(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds


@dataclass(frozen=True, slots=True)
class Work:
    """How the service is run: by which driver, in how many processes, with which settings beside the defaults."""

    driver: str
    processes: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)


async def drain_echo(servers: Servers, load: Load) -> Drained:
    """Let the reference loop empty a queue."""
    count = len(load.bodies)
    with servers.place() as place:
        await queues.declare_queues(place.rabbitmq_url, QUEUE_IN, QUEUE_OUT)
        await queues.fill(place.rabbitmq_url, QUEUE_IN, load.bodies)
        async with _reader(place.rabbitmq_url, QUEUE_OUT, count) as reader:
            launched_ns = time.monotonic_ns()
            async with started("echo", place.rabbitmq_url) as echo:
                watch = _Watch(servers, reader, {"echo": echo.pid}, launched_ns)
                drained = await watch.drained(place.rabbitmq_url, QUEUE_IN, count, [])
        left = await queues.left_in(place.rabbitmq_url, (QUEUE_IN, QUEUE_OUT))
    if left or watch.read["answers"] != count:
        raise WrongRun(f"the reference loop has answered {watch.read['answers']} of {count}, and left {left}")
    return drained


async def drain_wallet(servers: Servers, place: Place, ledger: Ledger, load: Load, work: Work) -> Drained:
    """Let the service empty its queue, and see that nothing was lost, made or told wrongly."""
    count = len(load.bodies)
    ledger.expect(count, load.changes_minor)
    async with connected(place.rabbitmq_url, "neighbours") as connection:
        await declare(connection)
    await queues.fill(place.rabbitmq_url, INPUT, load.bodies)
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(_reader(place.rabbitmq_url, FINALIZED_QUEUE, count))
        launched_ns = time.monotonic_ns()
        processes = [await _launched(stack, place, work, number) for number in range(work.processes)]
        watch = _Watch(
            servers, reader, {f"wallet {n}": process.pid for n, process in enumerate(processes, 1)}, launched_ns
        )
        begun = [process.wait_line("service_started", READY_S_MAX) for process in processes]
        drained = await watch.drained(place.rabbitmq_url, INPUT, count, begun)
        for process in processes:
            if code := await process.terminate():
                raise WrongRun(f"the service ended with {code}:\n{process.log[-LOG_SHOWN:]}")
    try:
        check_answers(watch.read, count)
        check_books(place.database, ledger)
        await check_broker(place.rabbitmq_url)
    except WrongRun as wrong:
        logs = "\n".join(process.log[-LOG_SHOWN:] for process in processes)
        raise WrongRun(f"{wrong}\nThe service has written:\n{logs}") from None
    return drained


async def audit(place: Place, driver: str) -> None:
    """Let ``wallet audit`` recompute the books. Raises WrongRun."""
    done = await run_wallet(place.folder, "audit", **place.settings(driver))
    if done.returncode:
        raise WrongRun(f"wallet audit:\n{done.stdout}\n{done.stderr}")


class _Watch:
    """Measures one drain."""

    def __init__(self, servers: Servers, reader: Program, workers: Mapping[str, int], launched_ns: int) -> None:
        self.read: dict[str, Any] = {}
        self._servers = servers
        self._reader = reader
        self._workers = workers
        self._launched_ns = launched_ns
        self._rss_mib: list[float] = []

    async def drained(self, url: str, queue: str, count: int, begun: Sequence[Awaitable[object]]) -> Drained:
        """Wait from the first delivery to the last answer. ``begun`` raise when a process does not even begin."""
        async with queues.looking(url) as channel:
            first = queues.first_delivery_ns(channel, queue, count, READY_S_MAX)
            first_ns, *_ = await asyncio.gather(first, *begun)
        before_s = self._cpu_s()
        looking = asyncio.create_task(self._look_at_memory())
        try:
            self.read = await self._reader.says(DRAINED_S_MAX)
        finally:
            looking.cancel()
        used_s = {name: after_s - before_s[name] for name, after_s in self._cpu_s().items()}
        return Drained(
            messages=count,
            seconds=(self.read["last_ns"] - first_ns) / NS,
            start_s=(self.read["first_ns"] - self._launched_ns) / NS,
            cpu_s=used_s,
            rss_mib=tuple(self._rss_mib),
            repeated=self.read["repeated"],
        )

    async def _look_at_memory(self) -> None:
        while True:
            self._rss_mib.append(max(psutil.Process(pid).memory_info().rss for pid in self._workers.values()) / MIB)
            await asyncio.sleep(LOOK_S)

    def _cpu_s(self) -> dict[str, float]:
        workers = {name: cpu_s(pid) for name, pid in self._workers.items()}
        return {**self._servers.cpu_s(), "client": self._reader.cpu_s(), **workers}


@asynccontextmanager
async def _reader(url: str, queue: str, count: int) -> AsyncIterator[Program]:
    async with started("answer_reader", url, queue, str(count)) as reader:
        await reader.says(READY_S_MAX)  # that it is ready
        yield reader


async def _launched(stack: AsyncExitStack, place: Place, work: Work, number: int) -> WalletProcess:
    folder = place.folder / f"wallet-{number}"
    folder.mkdir(exist_ok=True)
    settings = {**place.settings(work.driver), **work.settings}
    process = await stack.enter_async_context(WalletProcess(folder, settings))
    process.launch()
    return process
