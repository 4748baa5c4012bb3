"""From the start of the process to the answer to the event that waits, with collections and indexes in place."""

from __future__ import annotations

from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.conservation import Ledger
from tests.benchmarks.drain import Work, drain_wallet
from tests.benchmarks.figures import Figure
from tests.benchmarks.ledger import open_wallets, prepare_database
from tests.benchmarks.targets import START
from tests.benchmarks.transfers import Shape, draw


async def measure(bench: Bench) -> Section:
    """Start it again and again, with each driver in turns."""
    shape = Shape(1, bench.effort.wallets)
    taken_s: dict[str, list[float]] = {driver: [] for driver in bench.drivers}
    for number in range(bench.effort.runs):
        for driver in bench.drivers:
            with bench.servers.place() as place:
                await prepare_database(place.database_url)
                open_wallets(place.database, range(shape.wallets))
                ledger = Ledger.opened(shape.wallets)
                drained = await drain_wallet(bench.servers, place, ledger, draw(shape, number), Work(driver))
            taken_s[driver].append(drained.start_s)
            bench.tell(f"round {number + 1}  {driver:<8} {drained.start_s:.2f} s")
    return Section(tuple(bench.row(START, driver, Figure(tuple(taken_s[driver]))) for driver in bench.drivers))
