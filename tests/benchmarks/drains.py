"""Drain, hot wallet, a million wallets, two processes: one series of rounds, for they are each other's reference.

Each round drains one queue after the other, beginning with another one each time: by the reference loop, and for each
driver among 1,000 wallets, into one wallet, among a million, by two processes. Every drain has its own virtual host;
its books are new, but for the million wallets, which are opened once and used by all, on a mongod of their own: beside
them each of the others would pay for their pages (``seeding.many_opened``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from tests.benchmarks import seeding
from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.conservation import Ledger
from tests.benchmarks.drain import Drained, Work, audit, drain_echo, drain_wallet
from tests.benchmarks.figures import Figure, rotated
from tests.benchmarks.ledger import open_wallets, prepare_database
from tests.benchmarks.targets import DRAIN, HOT, MANY, MANY_BESIDE_LOOP, PAIR, Row, Target
from tests.benchmarks.transfers import Shape, draw

ECHO = "echo"

US = 1_000_000


@dataclass(frozen=True, slots=True)
class Variant:
    """One queue of a round."""

    target: Target
    driver: str
    shape: Shape
    processes: int = 1

    @property
    def name(self) -> str:
        """Name it within the round."""
        return f"{self.target.name} {self.driver}"


class Drains:
    """The series."""

    def __init__(self, bench: Bench) -> None:
        """Choose what is drained: what was asked for, and what it is compared with."""
        self._bench = bench
        self._variants = {variant.name: variant for driver in bench.drivers for variant in self._chosen(driver)}
        self._many = Ledger.opened(bench.effort.wallets_many)
        self._many_servers = bench.servers
        self._drained: dict[str, list[Drained]] = {name: [] for name in (ECHO, *self._variants)}

    async def measure(self) -> Section:
        """Run all rounds."""
        with ExitStack() as stack:
            if MANY.name in self._bench.chosen:
                await self._open_many(stack)
            for number in range(self._bench.effort.runs):
                for name in rotated(tuple(self._drained), number):
                    self._drained[name].append(await self._drain(name, number))
                    self._bench.tell(f"round {number + 1}  {name:<16} {told(self._drained[name][-1])}")
        return Section(tuple(self._rows()), {"cpu_us": self._cpu_us()})

    async def _open_many(self, stack: ExitStack) -> None:
        """Start the server of the million wallets, until ``stack`` is closed, and open them there."""
        wallets = self._bench.effort.wallets_many
        self._bench.tell(f"== opening {wallets:,} wallets")
        self._many_servers = await seeding.many_opened(self._bench.servers, wallets, stack)

    def _chosen(self, driver: str) -> Iterator[Variant]:
        effort = self._bench.effort
        shape = Shape(effort.transfers, effort.wallets)
        yield Variant(DRAIN, driver, shape)
        possible = (
            Variant(HOT, driver, replace(shape, hot_share=1.0)),
            Variant(MANY, driver, replace(shape, wallets=effort.wallets_many)),
            Variant(PAIR, driver, shape, processes=2),
        )
        yield from (variant for variant in possible if variant.target.name in self._bench.chosen)

    async def _drain(self, name: str, number: int) -> Drained:
        for one in (self._bench.servers, self._many_servers):
            one.mongo.admin.command("fsync")  # else the load before is written to its files beside this one
        if name == ECHO:
            effort = self._bench.effort
            return await drain_echo(self._bench.servers, draw(Shape(effort.transfers, effort.wallets), number))
        variant = self._variants[name]
        load, work = draw(variant.shape, number), Work(variant.driver, variant.processes)
        if variant.target is MANY:
            with self._many_servers.place(seeding.MANY) as place:
                return await drain_wallet(self._many_servers, place, self._many, load, work)
        with self._bench.servers.place() as place:
            await prepare_database(place.database_url)
            open_wallets(place.database, range(variant.shape.wallets))
            ledger = Ledger.opened(variant.shape.wallets)
            drained = await drain_wallet(self._bench.servers, place, ledger, load, work)
            if number == 0:
                await audit(place, variant.driver)
            return drained

    def _rows(self) -> Iterator[Row]:
        for variant in self._variants.values():
            reference = ECHO if variant.target is DRAIN else f"{DRAIN.name} {variant.driver}"
            if variant.target.name in self._bench.chosen:
                yield self._row(variant.target, variant, reference)
            if variant.target is MANY:
                yield self._row(MANY_BESIDE_LOOP, variant, ECHO)

    def _row(self, target: Target, variant: Variant, reference: str) -> Row:
        return self._bench.row(target, variant.driver, self._rates(variant.name), self._rates(reference))

    def _rates(self, name: str) -> Figure:
        return Figure(tuple(drained.rate_per_s for drained in self._drained[name]))

    def _cpu_us(self) -> Mapping[str, Mapping[str, float]]:
        """Give the processor time per message of each process, by variant: the medians, in microseconds."""
        return {
            name: {
                process: Figure(tuple(US * one.cpu_s[process] / one.messages for one in drained)).median
                for process in drained[0].cpu_s
            }
            for name, drained in self._drained.items()
        }


async def measure(bench: Bench) -> Section:
    """Measure what was asked for of drain, hot, many, pair."""
    return await Drains(bench).measure()


def told(drained: Drained) -> str:
    """Say in one line how a queue was emptied."""
    cpu = ", ".join(f"{name} {US * used_s / drained.messages:.0f}" for name, used_s in drained.cpu_s.items())
    rate = f"{drained.rate_per_s:6,.0f}/s  start {drained.start_s:.1f} s  {drained.rss_mib[-1]:3.0f} MiB"
    repeated = f"  {drained.repeated} answers twice" if drained.repeated else ""
    return f"{rate}  CPU us each: {cpu}{repeated}"
