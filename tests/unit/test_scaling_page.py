"""``docs/scaling.md``: its tables are those of what was measured."""

from __future__ import annotations

from tests.benchmarks.measured import FILE
from tests.benchmarks.results import load
from tests.benchmarks.scaling_page import PAGE, TABLES, written


def test_the_tables_are_those_of_the_measured_file() -> None:
    """Nobody has typed a number into a table (``python -m tests.benchmarks.scaling_page`` writes them)."""
    page = PAGE.read_text(encoding="utf-8")

    assert written(page, load(FILE)) == page
    assert [f"<!-- table: {name} -->" in page for name in TABLES] == [True] * len(TABLES)
