"""The page on reliability shows the results that lie beside it, and nothing else."""

import json

from tests.faults.page import FAULTS, PAGE, written


def test_the_tables_are_those_of_the_results() -> None:
    """Nobody has written a result by hand: the tables made anew from the JSON files are those of the page."""
    page = PAGE.read_text(encoding="utf-8")

    assert page == written(page)


def test_every_fault_that_is_shown_has_passed() -> None:
    """The page claims nothing that did not hold when it was last tried."""
    rows = json.loads(FAULTS.read_text(encoding="utf-8"))

    assert {"passed"} == {row["result"] for row in rows}
