"""The one source of chance: every choice that a run makes is drawn here, written down, and can be made again.

A choice is a number below a bound, and 0 is always the tame one: no fault, the shortest wait, the first that is ready.
All are drawn from one generator; but they are written down by what they are about (whose turn it is, what goes wrong
with the publications of the second process, ...). A run that follows a script takes the script's choices about the same
thing, and the tame one where the script is silent; so a script with more zeros is a calmer run, and what is left out in
one place moves nothing in another. That is how a failure shrinks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from random import Random

Script = Mapping[str, Sequence[int]]
"""Choices in order, by what they are about."""

Position = tuple[str, int]
"""One of them."""


class Choices:
    """Makes the choices of one run. ``made`` is what was chosen; ``faults_at``: where it was a rare thing."""

    def __init__(self, random: Random, script: Script | None = None) -> None:
        """Draw from ``random``, or follow ``script`` and draw nothing."""
        self.made: dict[str, list[int]] = defaultdict(list)
        self.faults_at: list[Position] = []
        self._random = random
        self._script = script

    def below(self, count: int, about: str) -> int:
        """Choose a number from 0 to ``count - 1``, each as likely as the other."""
        if count == 1:
            return 0
        made = self.made[about]
        chosen = int(self._random.random() * count) if self._script is None else self._scripted(about, len(made), count)
        made.append(chosen)
        return chosen

    def rare(self, bounds: Sequence[float], about: str) -> int:
        """
        Choose one of these rare things, 1 for the first, or 0 for none.

        ``bounds`` are their likelihoods, added up: ``(0.1, 0.3)`` is one in ten for the first, two for the second.
        """
        made = self.made[about]
        if self._script is None:
            chosen = (bisect_right(bounds, self._random.random()) + 1) % (len(bounds) + 1)
        else:
            chosen = self._scripted(about, len(made), len(bounds) + 1)
        if chosen:
            self.faults_at.append((about, len(made)))
        made.append(chosen)
        return chosen

    def _scripted(self, about: str, position: int, count: int) -> int:
        script = self._script.get(about, ()) if self._script is not None else ()
        chosen = script[position] if position < len(script) else 0
        return chosen if chosen < count else 0
