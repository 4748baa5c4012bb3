"""How many answers one relay publishes, when it has nothing else to do: what bounds all processes together.

::

    python -m tests.benchmarks.relay_rate          writes its section of docs/scaling/measured.json

The books are written in bulk, with a row of the outbox for each 500 top-ups, as units of work of that size leave
them. Then one process starts on empty queues, and a client reads the answers: rate = answers / (last read - first).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bson import ObjectId
from pymongo.database import Database

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import FINALIZED_QUEUE, Topology
from tests.benchmarks.conservation import check_answers
from tests.benchmarks.drain import DRAINED_S_MAX, NS, READY_S_MAX
from tests.benchmarks.fast_loop import run_fast
from tests.benchmarks.figures import Figure
from tests.benchmarks.ledger import Bulk, Document, batches, prepare_database
from tests.benchmarks.measured import US, keep
from tests.benchmarks.program import cpu_s, started
from tests.benchmarks.servers import MOTOR, Servers, servers
from tests.benchmarks.transfers import user_id
from tests.fixtures.wallet_process import WalletProcess

SECTION = "relay"

ROUNDS = 3

ANSWERS = 20_000

ROW_ANSWERS = 500
"""Units of work that are not full."""

USERS = 1_000


def fill(database: Database[Document]) -> None:
    """Write top-ups that nobody has been told of."""
    bulk = Bulk(database, [user_id(number) for number in range(USERS)])
    bulk.topups((user_id(number % USERS), 1) for number in range(ANSWERS))
    bulk.finish()
    ids: Sequence[object] = [record["_id"] for record in database["transactions"].find({}, {"_id": 1})]
    database["outbox"].insert_many(
        {"_id": ObjectId(), "transactionIds": row, "createdAt": datetime.now(UTC)} for row in batches(ids, ROW_ANSWERS)
    )


async def relay_once(servers: Servers) -> tuple[float, float]:
    """Give the answers per second of one relay, and the processor time of its process for each, microseconds."""
    with servers.place() as place:
        await prepare_database(place.database_url)
        fill(place.database)
        async with connected(place.rabbitmq_url, "neighbours") as connection:
            await Topology().declare(connection)
        async with (
            started("answer_reader", place.rabbitmq_url, FINALIZED_QUEUE, str(ANSWERS)) as reader,
            WalletProcess(place.folder / "wallet", place.settings(MOTOR)) as process,
        ):
            await reader.says(READY_S_MAX)
            process.launch("consume")
            await process.wait_line("service_started")
            started_s = cpu_s(process.pid)
            read = await reader.says(DRAINED_S_MAX)
            used_us = US * (cpu_s(process.pid) - started_s) / ANSWERS
            await process.terminate()
    check_answers(read, ANSWERS)
    return ANSWERS * NS / (read["last_ns"] - read["first_ns"]), used_us


async def measure(servers: Servers) -> None:
    """Measure some rounds, and keep the medians."""
    found = [await relay_once(servers) for _ in range(ROUNDS)]
    rates, used_us = (Figure(tuple(values)) for values in zip(*found, strict=True))
    keep(
        SECTION,
        {"rounds": ROUNDS, "answers": ANSWERS, "rate_per_s": round(rates.median), "cpu_us": round(used_us.median)},
    )


def main() -> None:
    """Measure, and keep what was found."""
    with tempfile.TemporaryDirectory(prefix="wallet-bench-") as folder, servers(Path(folder)) as both:
        run_fast(measure(both))


if __name__ == "__main__":
    main()
