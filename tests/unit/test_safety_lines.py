"""The safety lines that ``nox -s mutants`` removes: each is still where the catalogue says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.line)
def test_a_safety_line_stands_once_in_its_file(mutant: Mutant) -> None:
    """A line that was moved or doubled cannot be removed any more, so nobody would learn which test guards it."""
    code = (ROOT / mutant.file).read_text(encoding="utf-8")

    assert 1 == code.count(mutant.safe), mutant.file


def test_the_page_lists_every_safety_line() -> None:
    """The table of docs/reliability.md has a row for each of them, in the order in which the command prints them."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    (table,) = page.partition("| Safety line removed |")[2:]
    rows = [row.split(" | ")[0].removeprefix("| ") for row in table.partition("\n\n")[0].splitlines()[2:]]

    assert [mutant.line for mutant in MUTANTS] == rows
