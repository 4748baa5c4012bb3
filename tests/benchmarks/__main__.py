"""Measure the targets, and say whether they are met.

::

    python -m tests.benchmarks                              everything (40 minutes)
    python -m tests.benchmarks --quick                      a little of everything (three minutes)
    python -m tests.benchmarks drain --runs 3               one row or several, with all drivers
    python -m tests.benchmarks drain hot --drivers motor
    python -m tests.benchmarks curves --results docs/performance/results.json

Results are printed; ``--results`` also writes the sections that were measured into a file. The exit code is 1 when
something was lost, made or told wrongly, whatever the speed; a target that is missed is said in the table.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import audits, costs, curves, drains, latency, long_past, memory, reads, results, start
from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.effort import FULL, QUICK
from tests.benchmarks.fast_loop import run_fast
from tests.benchmarks.seeding import seeded
from tests.benchmarks.servers import DRIVERS, Servers, servers
from tests.benchmarks.table import terminal_table

Measure = Callable[[Bench], Awaitable[Section]]

MEASUREMENTS: dict[str, tuple[Measure, tuple[str, ...]]] = {
    "drains": (drains.measure, ("drain", "hot", "many", "pair")),
    "start": (start.measure, ("start",)),
    "latency": (latency.measure, ("latency",)),
    "reads": (reads.measure, ("reads",)),
    "long past": (long_past.measure, ("long",)),
    "audit": (audits.measure, ("audit",)),
    "memory": (memory.measure, ("memory",)),
    "costs": (costs.measure, ("costs",)),
    "curves": (curves.measure, ("curves",)),
}
"""What can be measured, in this order: the section, and by which names it is asked for."""

NAMES = tuple(name for _, names in MEASUREMENTS.values() for name in names)


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure the targets.")
    parser.add_argument("rows", nargs="*", choices=[*NAMES, []], help=f"what to measure (all): {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="little of everything, in three minutes")
    parser.add_argument("--runs", type=int, help="rounds behind each median (5; quick: 1)")
    parser.add_argument("--transfers", type=int, help="transfers of each drain (20,000; quick: 4,000)")
    parser.add_argument("--drivers", default=",".join(DRIVERS), help="motor, pymongo, or both (with a comma)")
    parser.add_argument("--results", type=Path, help="write what was measured into this JSON file")
    return parser.parse_args(given)


def bench_of(given: argparse.Namespace, running: Servers) -> Bench:
    """Give what the measurements need."""
    effort = QUICK if given.quick else FULL
    effort = replace(effort, runs=given.runs or effort.runs, transfers=given.transfers or effort.transfers)
    return Bench(running, tuple(given.drivers.split(",")), effort, frozenset(given.rows or NAMES), _tell)


async def measure(bench: Bench, file: Path | None) -> None:
    """Measure what was asked for; print it, and write it as soon as it is there."""
    found = {} if file is None else results.load(file)
    measured = []
    for section, (measure_section, names) in MEASUREMENTS.items():
        if bench.chosen.isdisjoint(names):
            continue
        await seeded(bench, names)
        began_s = time.monotonic()
        _tell(f"== {section}")
        found = results.written(found, section, await measure_section(bench), bench)
        measured += found[section]["rows"]
        _tell(f"== {section} took {time.monotonic() - began_s:.0f} s")
        if file is not None:
            results.save(file, found)
    if measured:
        _tell("\n" + terminal_table(measured))
    if not bench.effort.is_full:
        _tell("\nquick: small sizes and few rounds; it shows that all of it works, and no verdict on a target")


def main() -> None:
    """Start the servers and measure."""
    given = arguments(sys.argv[1:])
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="wallet-bench-") as folder, servers(Path(folder)) as running:
        run_fast(measure(bench_of(given, running), given.results))


def _end(number: int, _: object) -> None:
    """End as after Ctrl-C: servers are stopped, and gigabytes of data removed."""
    sys.exit(128 + number)


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
