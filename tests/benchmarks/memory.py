"""Memory over a long drain: how much at most, and whether it grows.

The resident memory (RSS) of ``wallet run`` is looked at twice a second while it drains. Once with each driver: it takes
a minute or more, and every sample is in the JSON and in the plot. "Flat" compares the last quarter of the drain with
the second one, for the first fills what is filled once.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.conservation import Ledger
from tests.benchmarks.drain import LOOK_S, Work, drain_wallet
from tests.benchmarks.drains import told
from tests.benchmarks.figures import Figure
from tests.benchmarks.ledger import open_wallets, prepare_database
from tests.benchmarks.targets import GROWTH, MEMORY, Row
from tests.benchmarks.transfers import Shape, draw


async def measure(bench: Bench) -> Section:
    """Drain once with each driver."""
    shape = Shape(bench.effort.endurance, bench.effort.wallets)
    rows: list[Row] = []
    samples: dict[str, list[float]] = {}
    for driver in bench.drivers:
        with bench.servers.place() as place:
            await prepare_database(place.database_url)
            open_wallets(place.database, range(shape.wallets))
            ledger = Ledger.opened(shape.wallets)
            drained = await drain_wallet(bench.servers, place, ledger, draw(shape, seed=0), Work(driver))
        bench.tell(f"{driver:<8} {told(drained)}, at most {max(drained.rss_mib):.0f} MiB")
        samples[driver] = [round(sample, 1) for sample in drained.rss_mib]
        rows += [
            bench.row(MEMORY, driver, Figure((max(drained.rss_mib),))),
            bench.row(GROWTH, driver, Figure((quarter(drained.rss_mib, 4),)), Figure((quarter(drained.rss_mib, 2),))),
        ]
    return Section(tuple(rows), {"every_s": LOOK_S, "rss_mib": samples}, rounds=1)


def quarter(samples: Sequence[float], number: int) -> float:
    """Give the median of the first, second, third or fourth quarter; of few samples at least one."""
    size = max(1, len(samples) // 4)
    start = min((number - 1) * size, len(samples) - size)
    return median(samples[start : start + size])
