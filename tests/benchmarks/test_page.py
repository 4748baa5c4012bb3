"""The page on performance shows the results that lie beside it, and nothing else."""

from __future__ import annotations

import re

from tests.benchmarks.__main__ import MEASUREMENTS, NAMES
from tests.benchmarks.figures import Figure
from tests.benchmarks.page import PAGE, TABLES, written
from tests.benchmarks.results import FILE, load, row_json
from tests.benchmarks.targets import START, Row


def test_the_tables_are_those_of_the_results() -> None:
    """Nobody has written a number by hand: the tables made anew from the JSON file are those of the page."""
    page = PAGE.read_text(encoding="utf-8")

    assert page == written(page, load(FILE))


def test_the_results_are_those_of_a_full_run() -> None:
    """A quick run is no base for a page; each section names the commit that it was measured on."""
    results = load(FILE)

    assert set(results) <= set(MEASUREMENTS)
    assert all(section["taken"]["effort"] == "full" for section in results.values())
    assert all(re.match(r"[0-9a-f]{7}", section["taken"]["commit"]) for section in results.values())


def test_the_page_names_every_row_and_has_every_mark() -> None:
    """What can be asked for is said, and every table has its place."""
    page = PAGE.read_text(encoding="utf-8")

    assert not [name for name in NAMES if f"`{name}`" not in page]
    assert not [mark for mark in TABLES if f"<!-- {mark} -->" not in page]


def test_every_kind_of_result_becomes_a_table() -> None:
    """What a run has found stands between the marks of the page, and what was written by hand stays."""
    taken = {
        "commit": "abc1234",
        "at": "2026-11-22",
        "effort": "full",
        "runs": 5,
        "processor": "a processor",
        "cores": 2,
        "memory_gib": 8,
        "python": "3.11.7",
        "mongod": "6.0.5",
        "rabbitmq": "3.10.8",
    }
    rows = [row_json(Row(START, START.what, "", "motor", Figure((1.25,))))]
    curve = {"name": "hot", "axis": "share", "log": False, "x": [0.0, 0.5], "rate": [2_900, 2_800]}
    results = {
        "drains": {"taken": taken, "rows": [], "shown": {"cpu_us": {"echo": {"client": 90.0, "echo": 200.0}}}},
        "start": {"taken": taken, "rows": rows},
        "costs": {"taken": taken, "rows": [], "shown": {"cost_us": {"motor": {"parse": 15.0, "decide": 45.0}}}},
        "curves": {"taken": taken, "rows": [], "shown": {"driver": "motor", "transfers": 10_000, "curves": [curve]}},
    }
    page = "by hand\n" + "".join(f"<!-- {mark} -->\nold\n<!-- end -->\n" for mark in TABLES)

    found = written(page, results)

    assert found.startswith("by hand\n")
    assert "old" not in found
    assert "| echo | 200 | 90.0 | 0.00 | 0.00 | 290 |" in found
    assert "| motor | 15.0 | 45.0 | 60.0 |" in found
    assert "| share | 0: 2,900, 0.5: 2,800 |" in found
    assert "| 1.25 s |" in found
    assert "| start | abc1234 | 2026-11-22 | 5 | a processor, 2 cores, 8 GiB; Python 3.11.7" in found
