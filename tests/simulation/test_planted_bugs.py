"""The simulation itself: with a safety line removed it turns red, names the invariant, and shrinks to a short story."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.simulation.planted import BUGS
from tests.simulation.shrinking import Shrinking
from tests.simulation.simulation import Run, run_seed
from tests.simulation.story import draw_story
from tests.simulation.workload import Temper

SEEDS_MAX = 300
"""As many as run by default: a bug that needs more would be found by the nightly session only."""

BROKEN = {
    "ack before the commit": {"I8 ack after commit"},
    "parks forgotten": {"I8 ack after commit"},
    "ack before the park is confirmed": {"I8 ack after commit"},
    "park taken for confirmed": {"I8 ack after commit"},
    "ack of many over a hole": {"I8 ack after commit"},
    "isolated event lost": {"I8 ack after commit"},
    "unknown commit taken for done": {"I8 ack after commit"},
    "no version guard": {"I12 sequence", "I1 conservation"},
    "no unique transaction id": {"I7 final is final", "I4 byte-equal", "I2 as the model"},
    "no revision check": {"I4 last answer"},
    "nothing put back": {"I4 last answer"},
    "row removed unconfirmed": {"I4 no zombie", "I4 last answer"},
    "no lease check": {"I4 one relay"},
    "no guard for late signups": {"I3 late signups"},
}
"""Which invariant each bug breaks."""

EVENTS_MAX = {"ack before the commit": 1, "unknown commit taken for done": 2, "no revision check": 8}
"""How long a story may be once it is shrunk, for some."""


NEEDS_SLEEP = {"no revision check", "nothing put back"}
"""What shows only when a relay oversleeps: a quarter of the stories are about that."""


def seeds_for(bug: str) -> Iterator[int]:
    """Give the seeds that may show it, as many as run by default."""
    for seed in range(SEEDS_MAX if bug not in NEEDS_SLEEP else SEEDS_MAX * len(Temper)):
        if bug not in NEEDS_SLEEP or draw_story(seed, Random(seed)).temper is Temper.SLEEPY:  # noqa: S311
            yield seed


def found(bug: str) -> Run:
    """Run seeds until the bug shows."""
    for seed in seeds_for(bug):
        run = run_seed(seed, BUGS[bug])
        if run.violations:
            return run
    raise AssertionError(f"{bug!r} does not show in {SEEDS_MAX} seeds")


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    """Each missing safety line breaks an invariant of its own within the seeds that run by default."""
    assert found(bug).violations[0].invariant in BROKEN[bug]


def test_the_command_that_the_page_shows_finds_its_bug() -> None:
    """Who types the example of docs/reliability.md sees a violation, and not that all is well."""
    page = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")

    ((seed, bug),) = re.findall(r'python -m tests\.simulation (\d+) --bug "([^"]+)"', page)

    assert run_seed(int(seed), BUGS[bug]).violations


@pytest.mark.parametrize("bug", EVENTS_MAX)
def test_a_failure_shrinks(bug: str) -> None:
    """What is left of a failing story breaks the same invariant, and is short enough to be read."""
    failure = found(bug)

    small = Shrinking(failure, BUGS[bug]).shrink()

    assert failure.violations[0].invariant == small.violations[0].invariant
    assert len(small.story.sent) <= EVENTS_MAX[bug]
    assert len(small.faults_at) <= len(failure.faults_at)
