"""Makes a failing story small: fewer events, misfortunes, processes and faults, as long as the same invariant breaks.

A smaller story is told with the choices of the larger one as its script, where they still fit; and when that is no
failure, a few times with new choices. In the end the choices themselves are tamed: first the faults go, then the
unusual turns of the schedule. What is left is what the failure needs.

Bounds: ``RUNS_MAX`` runs, some seconds. The same failure always shrinks to the same story.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from tests.simulation.choices import Choices, Position
from tests.simulation.simulation import Parts, Run, run
from tests.simulation.story import Story

T = TypeVar("T")

RUNS_MAX = 600
"""Most runs of one shrinking."""

NEW_CHOICES = 3
"""How often a smaller story is told with new choices before it is given up."""


class Shrinking:
    """Shrinks one failure. ``best`` is the smallest one so far."""

    def __init__(self, failure: Run, parts: Parts, runs_max: int = RUNS_MAX) -> None:
        """Begin with a run that has failed."""
        self.best = failure
        self.runs = 0
        self._invariant = failure.violations[0].invariant
        self._parts = parts
        self._runs_max = runs_max

    def shrink(self) -> Run:
        """Shrink until nothing more can go, or the runs are used up."""
        before = None
        while before != (before := self._size()) and self.runs < self._runs_max:
            self._drop(self.best.story.sent, lambda sent: replace(self.best.story, sent=sent))
            self._drop(self.best.story.misfortunes, lambda left: replace(self.best.story, misfortunes=left))
            self._simplify()
            self._tame(self.best.faults_at)
            self._tame([(about, at) for about, made in self.best.script.items() for at, one in enumerate(made) if one])
        return self.best

    def _size(self) -> tuple[int, int, int]:
        story, script = self.best.story, self.best.script
        return len(story.sent), len(story.misfortunes), sum(one > 0 for made in script.values() for one in made)

    def _drop(self, items: tuple[T, ...], story_of: Callable[[tuple[T, ...]], Story]) -> None:
        """Leave out halves, quarters, ... single items, from the back."""
        size = len(items)
        while size > 1 or items:
            size = max(1, size // 2)
            end = len(items)
            while end > 0:
                left = items[: max(0, end - size)] + items[end:]
                if self._fails(story_of(left)):
                    items = left
                end -= size
            if size == 1:
                return

    def _simplify(self) -> None:
        """Take one process, batches of one, and right clocks, if that will do."""
        story = self.best.story
        for processes in range(1, story.processes):
            if self._fails(replace(story, processes=processes, skews_s=(0,) * processes)):
                break
        self._fails(replace(self.best.story, skews_s=(0,) * self.best.story.processes))
        self._fails(replace(self.best.story, batch_max=1))

    def _tame(self, positions: Sequence[Position]) -> None:
        """Make choices at these positions the tame ones, many at once first."""
        size = len(positions)
        while size:
            for begin in range(0, len(positions), size):
                chunk = set(positions[begin : begin + size])
                if any(self._is_wild(position) for position in chunk):
                    script = {
                        about: [0 if (about, at) in chunk else one for at, one in enumerate(made)]
                        for about, made in self.best.script.items()
                    }
                    self._holds(self.best.story, Choices(Random(0), script))  # noqa: S311 - nothing is drawn
            size //= 2

    def _is_wild(self, position: Position) -> bool:
        about, at = position
        made = self.best.script.get(about, ())
        return at < len(made) and made[at] > 0

    def _fails(self, story: Story) -> bool:
        """Tell the story with the script, then with new choices; keep it if it fails in the same way."""
        if self._holds(story, Choices(Random(0), self.best.script)):  # noqa: S311 - nothing is drawn
            return True
        return any(self._holds(story, Choices(Random(attempt))) for attempt in range(NEW_CHOICES))  # noqa: S311

    def _holds(self, story: Story, choices: Choices) -> bool:
        if self.runs >= self._runs_max:
            return False
        self.runs += 1
        candidate = run(story, choices, self._parts)
        if not candidate.violations or candidate.violations[0].invariant != self._invariant:
            return False
        self.best = candidate
        return True
