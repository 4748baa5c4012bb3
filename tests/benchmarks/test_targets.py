"""When a target is met, and how a row of the table says so."""

from __future__ import annotations

import pytest

from tests.benchmarks.figures import Figure
from tests.benchmarks.results import row_json
from tests.benchmarks.table import cells, markdown_table, terminal_table
from tests.benchmarks.targets import DRAIN, LATENCY_TAIL, MEMORY, START, WALLET, Row, Target


def row(target: Target, ours: float, reference: float | None = None, driver: str = "motor") -> Row:
    """Say what was found in one round."""
    measured = None if reference is None else Figure((reference,))
    return Row(target, target.what, target.reference, driver, Figure((ours,)), measured)


def test_a_rate_must_reach_its_share_of_the_reference() -> None:
    """At least 1.0 x the echo: as fast is enough, slower is not."""
    assert row(DRAIN, 3_000, 3_000).is_met
    assert not row(DRAIN, 2_999, 3_000).is_met


def test_a_number_without_reference_must_stay_within_its_bound() -> None:
    """At most 150 MiB, whatever anything else takes."""
    assert row(MEMORY, 150).is_met
    assert not row(MEMORY, 151).is_met
    assert row(START, 1.2).ratio is None


def test_the_drivers_may_have_bounds_of_their_own() -> None:
    """0.25 x the bare route is enough with motor, and not with PyMongo Async."""
    assert row(WALLET, 4_000, 16_000, "motor").is_met
    assert not row(WALLET, 4_000, 16_000, "pymongo").is_met


def test_a_row_without_a_bound_is_neither_met_nor_missed() -> None:
    """It is told because it belongs to the picture."""
    assert row(LATENCY_TAIL, 80.0, 10.0).is_met is None


def test_a_row_says_what_was_found_and_what_is_asked() -> None:
    """The cells of a missed target."""
    found = cells(row_json(row(DRAIN, 2_400, 3_000)))

    assert ("motor", "2,400 transfers/s", "3,000 (bare aio-pika echo, same client)") == found[1:4]
    assert ("0.80 x", "at least 1 x", "**no**") == found[4:]


@pytest.mark.parametrize("table", [terminal_table, markdown_table])
def test_every_row_is_a_line(table: object) -> None:
    """A table has one line for each row, and its head."""
    assert callable(table)
    rows = [row_json(row(START, 1.2)), row_json(row(MEMORY, 140.0))]

    lines = table(rows).splitlines()

    assert [line for line in lines if "1.20 s" in line]
    assert [line for line in lines if "140 MiB" in line]
