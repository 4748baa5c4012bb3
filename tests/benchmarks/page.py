"""The tables of ``docs/performance.md``, written from the results of a real run.

::

    nox -s bench                      measures everything, writes docs/performance/results.json, the plots and the page
    python -m tests.benchmarks.page   writes the tables again from the JSON file beside the page

What stands between ``<!-- targets -->`` and ``<!-- end -->``, and so on, is replaced; the rest of the page is written
by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.results import FILE, load
from tests.benchmarks.table import markdown_table, number
from tests.faults.page import with_table

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"

Results = Mapping[str, Any]


def taken_table(results: Results) -> str:
    """Say where each section was measured."""
    lines = ["| Section | Commit | Taken | Rounds | Machine |", "|---|---|---|---:|---|"]
    for name, section in results.items():
        taken = section["taken"]
        machine = f"{taken['processor']}, {taken['cores']} cores, {taken['memory_gib']} GiB"
        servers = f"Python {taken['python']}, mongod {taken['mongod']}, RabbitMQ {taken['rabbitmq']}"
        effort = "" if taken["effort"] == "full" else f" ({taken['effort']})"
        lines.append(f"| {name} | {taken['commit']} | {taken['at']}{effort} | {taken['runs']} | {machine}; {servers} |")
    return "\n".join(lines)


def targets_table(results: Results) -> str:
    """Write all rows of all sections."""
    return markdown_table(row for section in results.values() for row in section["rows"])


def processes_table(results: Results) -> str:
    """Write the processor time of each process per message, for each kind of drain."""
    cpu_us = results["drains"]["shown"]["cpu_us"]
    lines = [
        "| µs per message | the loop or the service | client | RabbitMQ | mongod | sum |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, processes in cpu_us.items():
        servers = ("client", "rabbitmq", "mongod")
        worker = sum(used for process, used in processes.items() if process not in servers)
        columns = [worker, *(processes.get(server, 0.0) for server in servers), sum(processes.values())]
        lines.append(_line(name, columns))
    return "\n".join(lines)


def costs_table(results: Results) -> str:
    """Write the cost of one event by stage and driver."""
    cost_us = results["costs"]["shown"]["cost_us"]
    stages = list(next(iter(cost_us.values())))
    lines = [f"| µs per event | {' | '.join(stages)} | sum |", f"|---|{'---:|' * (len(stages) + 1)}"]
    lines += [_line(driver, [*parts.values(), sum(parts.values())]) for driver, parts in cost_us.items()]
    return "\n".join(lines)


def curves_table(results: Results) -> str:
    """Write the points of every curve."""
    shown = results["curves"]["shown"]
    lines = ["| Against | Points: rate in transfers/s |", "|---|---|"]
    for curve in shown["curves"]:
        points = ", ".join(f"{x:,g}: {rate:,}" for x, rate in zip(curve["x"], curve["rate"], strict=True))
        lines.append(f"| {curve['axis']} | {points} |")
    return "\n".join(lines)


TABLES: Mapping[str, tuple[str | None, Callable[[Results], str]]] = {
    "taken": (None, taken_table),
    "targets": (None, targets_table),
    "processes": ("drains", processes_table),
    "costs": ("costs", costs_table),
    "curves": ("curves", curves_table),
}
"""Each table by its mark, and the section that it needs."""


def written(page: str, results: Results) -> str:
    """Give the page with the tables of the results that are there."""
    for mark, (section, table) in TABLES.items():
        if results and (section is None or section in results):
            page = with_table(page, mark, table(results))
    return page


def main() -> None:
    """Write the page again."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), load(FILE)), encoding="utf-8")


def _line(name: str, values: Sequence[float]) -> str:
    return f"| {name} | {' | '.join(number(value) for value in values)} |"


if __name__ == "__main__":
    main()
