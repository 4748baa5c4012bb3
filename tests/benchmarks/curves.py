"""Scaling curves: the rate of a drain against one thing at a time, everything else as by default.

One drain for each point, with the first driver that was asked for; books are checked after each as after any other.
Where a drain is slow by its nature (batches of one, bodies of 60 KB) fewer transfers show it as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.conservation import Ledger
from tests.benchmarks.drain import Drained, Work, drain_wallet
from tests.benchmarks.drains import told
from tests.benchmarks.effort import Effort
from tests.benchmarks.ledger import open_wallets, prepare_database
from tests.benchmarks.transfers import Shape, draw

SMALL_BATCH = 10
SLOW_DIVISOR = 5
LARGE_BODY = 10_000
"""With smaller batches than that a drain is slow, and with larger bodies: a fifth of the transfers shows it as well."""


@dataclass(frozen=True, slots=True)
class Point:
    """One drain of a curve: where it stands, what is drained, and how the service differs from the defaults."""

    x: float
    shape: Shape
    settings: Mapping[str, str] = field(default_factory=dict)
    processes: int = 1


@dataclass(frozen=True, slots=True)
class Curve:
    """Points along one axis. ``is_log``: the axis grows by factors."""

    name: str
    axis: str
    points: tuple[Point, ...]
    is_log: bool = True


def curves_of(effort: Effort) -> tuple[Curve, ...]:
    """Give all curves. A quick run takes the last point of each only."""
    usual = Shape(effort.curve_transfers, effort.wallets)
    few = replace(usual, transfers=effort.curve_transfers // SLOW_DIVISOR)
    curves = (*_curves_of_service(usual, few), *_curves_of_load(usual, few))
    return curves if effort.is_full else tuple(replace(curve, points=curve.points[-1:]) for curve in curves)


def _curves_of_service(usual: Shape, few: Shape) -> tuple[Curve, ...]:
    return (
        Curve(
            "batch",
            "WALLET_BATCH_MAX (prefetch: three times that)",
            tuple(
                Point(size, few if size < SMALL_BATCH else usual, {"WALLET_BATCH_MAX": str(size)})
                for size in (1, 5, 20, 100, 500, 1_000, 2_000, 3_000, 5_000)
            ),
        ),
        Curve(
            "prefetch",
            "WALLET_PREFETCH (batches of up to 3,000)",
            tuple(Point(count, usual, {"WALLET_PREFETCH": str(count)}) for count in (3_000, 6_000, 9_000, 12_000)),
        ),
        Curve(
            "processes",
            "service processes on the same queues",
            tuple(Point(count, usual, processes=count) for count in (1, 2, 3, 4)),
            is_log=False,
        ),
    )


def _curves_of_load(usual: Shape, few: Shape) -> tuple[Curve, ...]:
    return (
        Curve(
            "wallets",
            "wallets that take part",
            tuple(Point(count, replace(usual, wallets=count)) for count in (2, 10, 100, 1_000, 10_000, 100_000)),
        ),
        Curve(
            "hot",
            "share of transfers into one wallet",
            tuple(Point(share, replace(usual, hot_share=share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)),
            is_log=False,
        ),
        Curve(
            "payload",
            "characters of the description (half of the events)",
            tuple(
                Point(length, replace(few if length > LARGE_BODY else usual, description_length=length))
                for length in (20, 200, 2_000, 20_000, 60_000)
            ),
        ),
    )


async def measure(bench: Bench) -> Section:
    """Measure every point of every curve."""
    driver = bench.drivers[0]
    shown = []
    for curve in curves_of(bench.effort):
        rates = []
        for point in curve.points:
            drained = await _drain(bench, driver, point)
            rates.append(round(drained.rate_per_s))
            bench.tell(f"{curve.name:<10} {point.x:>9,} {told(drained)}")
        x = [point.x for point in curve.points]
        shown.append({"name": curve.name, "axis": curve.axis, "log": curve.is_log, "x": x, "rate": rates})
    return Section(shown={"driver": driver, "transfers": bench.effort.curve_transfers, "curves": shown}, rounds=1)


async def _drain(bench: Bench, driver: str, point: Point) -> Drained:
    with bench.servers.place() as place:
        await prepare_database(place.database_url)
        open_wallets(place.database, range(point.shape.wallets))
        ledger, load = Ledger.opened(point.shape.wallets), draw(point.shape, seed=0)
        return await drain_wallet(bench.servers, place, ledger, load, Work(driver, point.processes, point.settings))
