"""What one event costs the service, stage by stage, in microseconds of processor time, with each driver.

``stages.py`` says how each stage is measured by itself. Some are found by subtraction: receiving as it is done includes
reading the JSON; the books as they are written include deciding and encoding. The rest is what a whole drain costs the
process beyond the sum: the event loop, the metrics, the log, what two stages cost more when they disturb each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.rabbitmq.connection import connected
from tests.benchmarks import queues
from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.conservation import Ledger, check_books, check_broker
from tests.benchmarks.drain import INPUT, Drained, Work, drain_wallet
from tests.benchmarks.drains import US, told
from tests.benchmarks.figures import Figure
from tests.benchmarks.ledger import open_wallets, prepare_database
from tests.benchmarks.program import started
from tests.benchmarks.transfers import Load, Shape, draw
from tests.faults.client import declare

STAGED_S_MAX = 600.0


async def measure(bench: Bench) -> Section:
    """Measure stages and whole drains in turns."""
    shape = Shape(bench.effort.staged, bench.effort.wallets)
    costs: dict[str, Mapping[str, float]] = {}
    for driver in bench.drivers:
        stages: list[Mapping[str, float]] = []
        drains: list[Drained] = []
        for number in range(bench.effort.staged_runs):
            stages.append(await _stages(bench, driver, draw(shape, number)))
            drains.append(await _whole(bench, driver, draw(shape, number)))
            bench.tell(f"round {number + 1}  {driver:<8} {told(drains[-1])}")
        medians = {name: Figure(tuple(one[name] for one in stages)).median for name in stages[0]}
        whole = Figure(tuple(US * drained.cpu_s["wallet 1"] / drained.messages for drained in drains)).median
        costs[driver] = {name: round(cost_us, 1) for name, cost_us in split(medians, whole).items()}
        bench.tell(f"{driver:<8} " + ", ".join(f"{name} {cost_us:.0f}" for name, cost_us in costs[driver].items()))
    return Section(shown={"cost_us": costs}, rounds=bench.effort.staged_runs)


def split(stages: Mapping[str, float], whole: float) -> dict[str, float]:
    """Give the cost of each stage without what is measured again in another one, and the rest of the whole."""
    parts = {
        "receive": stages["receive"] - stages["read JSON"],
        "parse": stages["read JSON"] + stages["read fields"],
        "decide": stages["decide"],
        "encode": stages["encode"],
        "database": stages["books"] - stages["decide"] - stages["encode"] + stages["relay"],
        "publish": stages["publish"],
        "acknowledge": stages["acknowledge"],
    }
    return {**parts, "the rest": whole - sum(parts.values())}


async def _stages(bench: Bench, driver: str, load: Load) -> Mapping[str, float]:
    count = len(load.bodies)
    with bench.servers.place() as place:
        await prepare_database(place.database_url)
        open_wallets(place.database, range(bench.effort.wallets))
        ledger = Ledger.opened(bench.effort.wallets)
        ledger.expect(count, load.changes_minor)
        async with connected(place.rabbitmq_url, "neighbours") as connection:
            await declare(connection)
        await queues.fill(place.rabbitmq_url, INPUT, load.bodies)
        async with started("stages", place.rabbitmq_url, place.database_url, driver, str(count)) as stages:
            found: Mapping[str, float] = await stages.says(STAGED_S_MAX)
        check_books(place.database, ledger)
        await check_broker(place.rabbitmq_url, answers=count)
    return found


async def _whole(bench: Bench, driver: str, load: Load) -> Drained:
    wallets = bench.effort.wallets
    with bench.servers.place() as place:
        await prepare_database(place.database_url)
        open_wallets(place.database, range(wallets))
        return await drain_wallet(bench.servers, place, Ledger.opened(wallets), load, Work(driver))
