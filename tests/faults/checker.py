"""The one checker: runs every invariant over the facts of a scenario, and fails by name.

``check_all(facts)`` raises ``InvariantsBroken`` with all that it found, at most so many lines for each invariant, and
gives the names of those that it looked at.
"""

from __future__ import annotations

from itertools import islice

from tests.faults.facts import Facts
from tests.faults.invariants import INVARIANTS

SHOWN_MAX = 5
"""Contradictions shown for one invariant; the first few tell what happened."""


class InvariantsBroken(AssertionError):
    """What contradicts the invariants, by name."""

    def __init__(self, broken: dict[str, list[str]]) -> None:
        """Keep the names."""
        lines = [f"{name}: {line}" for name, found in broken.items() for line in found]
        super().__init__("\n".join(lines))
        self.names = tuple(broken)


def check_all(facts: Facts) -> tuple[str, ...]:
    """Check every invariant; give their names. Raises InvariantsBroken."""
    found = {name: list(islice(invariant(facts), SHOWN_MAX)) for name, invariant in INVARIANTS.items()}
    broken = {name: lines for name, lines in found.items() if lines}
    if broken:
        raise InvariantsBroken(broken)
    return tuple(found)
