"""Two processes side by side: on the shared queue, and each on a partition of its own, dealt by what a header may say.

::

    python -m tests.benchmarks.partitions          writes its section of docs/scaling/measured.json

Each round drains one load in every arrangement, beginning with another one each time. Told are the rate, the units of
work that lost a race (``wallet_conflicts_total`` for each batch), and the processor time of each process for a
transfer. The queues are filled before anybody consumes, so how the broker deals is not in the rate.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import FINALIZED_QUEUE, Topology
from tests.benchmarks import queues
from tests.benchmarks.conservation import Ledger, WrongRun, check_answers, check_books, check_broker
from tests.benchmarks.drain import DRAINED_S_MAX, INPUT, NS, READY_S_MAX
from tests.benchmarks.fast_loop import run_fast
from tests.benchmarks.figures import Figure, rotated
from tests.benchmarks.ledger import open_wallets, prepare_database
from tests.benchmarks.measured import US, keep
from tests.benchmarks.program import Program, cpu_s, started
from tests.benchmarks.servers import MOTOR, Place, Servers, servers
from tests.benchmarks.transfers import Load, Shape, draw
from tests.fixtures.wallet_process import WalletProcess

SECTION = "partitions"

ROUNDS = 3

PARTITIONS = (0, 1)

SHAPES = {
    "1,000 wallets": Shape(transfers=5_000, wallets=1_000),
    "100,000 wallets": Shape(transfers=5_000, wallets=100_000),
    "1,000 wallets, half into one": Shape(transfers=5_000, wallets=1_000, hot_share=0.5),
}

Deal = Callable[[bytes], int]
"""Says which partition a message goes to."""


def by(*fields: str) -> Deal:
    """Deal by the first of these fields that a message has, as a consistent-hash exchange deals by a header."""

    def deal(body: bytes) -> int:
        message = json.loads(body)
        key = next(str(message[field]) for field in fields if field in message)
        return zlib.crc32(key.encode()) % len(PARTITIONS)

    return deal


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How many processes there are, and how their messages are dealt; None: all come by the shared queue."""

    processes: int
    deal: Deal | None = None
    batch_max: int = 500

    def settings(self, number: int) -> dict[str, str]:
        """Give the settings of one process beside those of its place."""
        batches = {"WALLET_BATCH_MAX": str(self.batch_max)}
        return batches if self.deal is None else {**batches, "WALLET_PARTITIONS": str(PARTITIONS[number])}

    def dealt(self, load: Load) -> dict[str, list[bytes]]:
        """Give the messages of each queue."""
        if self.deal is None:
            return {INPUT: list(load.bodies)}
        dealt: dict[str, list[bytes]] = {f"{INPUT}.{partition}": [] for partition in PARTITIONS}
        for body in load.bodies:
            dealt[f"{INPUT}.{PARTITIONS[self.deal(body)]}"].append(body)
        return {queue: bodies for queue, bodies in dealt.items() if bodies}


ARRANGEMENTS = {
    "one process": Arrangement(1),
    "two on the shared queue": Arrangement(2),
    "two on the shared queue, `WALLET_BATCH_MAX=50`": Arrangement(2, batch_max=50),
    "two partitions, by sender": Arrangement(2, by("fromUserId", "userId")),
    "two partitions, by recipient": Arrangement(2, by("toUserId", "recipientId")),
}


@dataclass(frozen=True, slots=True)
class Drained:
    """How a load was drained. ``conflicts`` for each batch; ``cpu_us`` for each transfer, by process."""

    rate_per_s: float
    conflicts: float
    batch: float
    cpu_us: Mapping[str, float]


async def drain(servers: Servers, place: Place, ledger: Ledger, load: Load, arrangement: Arrangement) -> Drained:
    """Let the processes empty their queues, and see that nothing was lost, made or told wrongly."""
    count, dealt = len(load.bodies), arrangement.dealt(load)
    ledger.expect(count, load.changes_minor)
    async with connected(place.rabbitmq_url, "neighbours") as connection:
        await Topology(partitions=PARTITIONS).declare(connection)
    for queue, bodies in dealt.items():
        await queues.fill(place.rabbitmq_url, queue, bodies)
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(
            started("answer_reader", place.rabbitmq_url, FINALIZED_QUEUE, str(count))
        )
        await reader.says(READY_S_MAX)
        processes = [await _launched(stack, place, arrangement, number) for number in range(arrangement.processes)]
        first_ns = await _first_delivery_ns(place.rabbitmq_url, dealt)
        before_s = _cpu_s(servers, reader, processes)
        read = await reader.says(DRAINED_S_MAX)
        used_us = {
            name: US * (after_s - before_s[name]) / count
            for name, after_s in _cpu_s(servers, reader, processes).items()
        }
        conflicts, batches = [
            sum([await _metric(process, name) for process in processes])
            for name in ("wallet_conflicts_total", "wallet_batch_size_count")
        ]
        for process in processes:
            if code := await process.terminate():
                raise WrongRun(f"the service ended with {code}:\n{process.log[-4_000:]}")
    check_answers(read, count)
    check_books(place.database, ledger)
    await check_broker(place.rabbitmq_url)
    return Drained(count * NS / (read["last_ns"] - first_ns), conflicts / batches, count / batches, used_us)


async def measure(servers: Servers) -> None:
    """Drain every load in every arrangement, and keep what was found."""
    found: dict[str, dict[str, list[Drained]]] = {shape: {name: [] for name in ARRANGEMENTS} for shape in SHAPES}
    for turn in range(ROUNDS):
        for name, shape in SHAPES.items():
            for arrangement in rotated(tuple(ARRANGEMENTS), turn):
                drained = await _measure_one(servers, shape, turn, ARRANGEMENTS[arrangement])
                found[name][arrangement].append(drained)
                sys.stderr.write(f"{turn + 1} {name}, {arrangement}: {medians([drained])}\n")
    transfers = {name: shape.transfers for name, shape in SHAPES.items()}
    told = {
        name: {arrangement: medians(drained) for arrangement, drained in drains.items()}
        for name, drains in found.items()
    }
    keep(SECTION, {"rounds": ROUNDS, "transfers": transfers, "found": told})


async def _measure_one(servers: Servers, shape: Shape, turn: int, arrangement: Arrangement) -> Drained:
    with servers.place() as place:
        await prepare_database(place.database_url)
        open_wallets(place.database, range(shape.wallets))
        return await drain(servers, place, Ledger.opened(shape.wallets), draw(shape, turn), arrangement)


def medians(drained: Sequence[Drained]) -> dict[str, object]:
    """Give the medians of the rounds."""
    return {
        "rate_per_s": round(Figure(tuple(one.rate_per_s for one in drained)).median),
        "conflicts_per_batch": round(Figure(tuple(one.conflicts for one in drained)).median, 2),
        "transfers_per_batch": round(Figure(tuple(one.batch for one in drained)).median),
        "cpu_us": {
            name: round(Figure(tuple(one.cpu_us[name] for one in drained)).median) for name in drained[0].cpu_us
        },
    }


async def _launched(stack: AsyncExitStack, place: Place, arrangement: Arrangement, number: int) -> WalletProcess:
    folder = place.folder / f"wallet-{number}"
    folder.mkdir()
    settings = {**place.settings(MOTOR), **arrangement.settings(number)}
    process = await stack.enter_async_context(WalletProcess(folder, settings))
    process.launch()
    return process


async def _first_delivery_ns(url: str, dealt: Mapping[str, Sequence[bytes]]) -> int:
    """Wait until one of the queues has delivered something."""
    async with queues.looking(url) as channel, asyncio.timeout(READY_S_MAX):
        while True:
            for queue, bodies in dealt.items():
                if await queues.ready(channel, queue) != len(bodies):
                    return time.monotonic_ns()
            await asyncio.sleep(queues.POLL_S)


async def _metric(process: WalletProcess, name: str) -> float:
    lines = (await process.http.get("/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def _cpu_s(servers: Servers, reader: Program, processes: Sequence[WalletProcess]) -> dict[str, float]:
    """Give the processor time of each server, of the client, and of the wallet's processes together."""
    return {**servers.cpu_s(), "client": reader.cpu_s(), "wallet": sum(cpu_s(process.pid) for process in processes)}


def main() -> None:
    """Measure, and keep what was found."""
    with tempfile.TemporaryDirectory(prefix="wallet-bench-") as folder, servers(Path(folder)) as both:
        run_fast(measure(both))


if __name__ == "__main__":
    main()
