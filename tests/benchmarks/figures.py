"""Numbers of a measurement that was repeated: the median, and what it was taken from.

A ratio is taken within each round, where both sides were measured one after the other, and then its median: a machine
that is slower for a minute slows down both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, measured once or more, in the order of the rounds."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a figure of nothing."""
        if not self.values:
            raise ValueError("a figure needs at least one value")

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.values)

    def over(self, reference: Figure) -> Figure:
        """Give the ratio to a reference, round by round. Raises ValueError if the rounds are not the same."""
        pairs = zip(self.values, reference.values, strict=True)
        return Figure(tuple(ours / theirs for ours, theirs in pairs))


def percentile(values: Sequence[float], percent: int) -> float:
    """Give the value below which so many percent of the values lie; at least two values, 1 to 99."""
    return quantiles(values, n=PERCENT, method="inclusive")[percent - 1]


def rotated(variants: Sequence[str], round_number: int) -> list[str]:
    """Give the order of one round: each begins with another, so that nobody always comes behind the same one."""
    start = round_number % len(variants)
    return [*variants[start:], *variants[:start]]
