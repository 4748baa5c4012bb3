"""What can go wrong at a port call, and how often.

Which faults a run has, and how likely each is, belongs to its story; when they strike is chosen call by call.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import accumulate

from tests.simulation.choices import Choices


class Fault(StrEnum):
    """What goes wrong; the text stands in the trace."""

    REPLY_LOST = "it was done, the reply is lost"
    FAILS = "fails, nothing was done"
    SLOW = "slow"
    TWICE = "done twice"
    RACE = "loses a race"
    LATE = "no reply, and it is done later"
    KILLED = "killed before it"
    KILLED_AFTER = "killed after it"
    FROZEN = "frozen before it"
    FROZEN_AFTER = "frozen after it"
    OVERSLEPT = "frozen before it, for longer than the lease"


LATENCIES_MS = (0, 1, 2, 5)
SLOW_MS = (200, 2_000, 20_000)
FREEZES_MS = (500, 16_000, 90_000)
"""Shorter than any limit, longer than the relay's lease (15 s), longer than everything."""

OVERSLEEPS_MS = (25_000, 40_000)
"""Longer than the relay's lease, and longer than the broker waits for a heartbeat."""

NO_ANSWER_MS = 2_000
"""How long a caller waits for an answer that does not come."""

ANYWHERE = (Fault.FAILS, Fault.SLOW, Fault.KILLED, Fault.FROZEN)
DONE_UNKNOWN = (Fault.REPLY_LOST, Fault.KILLED_AFTER, Fault.FROZEN_AFTER)


AFTER_SLEEP: Mapping[Fault, float] = {Fault.FAILS: 0.25, Fault.REPLY_LOST: 0.25}
"""How likely a call goes wrong soon after a long sleep: the other side has hung up."""

DROWSY_MS = 50
"""How long that lasts: some calls."""


class FaultPlan:
    """Which faults a run has and how likely each is at a call, until they end."""

    def __init__(self, choices: Choices, likelihoods: Mapping[Fault, float], ends_at_ms: int) -> None:
        """Take the story's faults; a fault that it does not name never happens."""
        self._choices = choices
        self._likelihoods = likelihoods
        self._ends_at_ms = ends_at_ms
        self._bounds: dict[tuple[bool, tuple[Fault, ...]], tuple[float, ...]] = {}

    def draw(self, possible: tuple[Fault, ...], now_ms: int, about: str, *, is_drowsy: bool = False) -> Fault | None:
        """Choose what happens to one call; ``is_drowsy``: it is soon after a long sleep."""
        if now_ms >= self._ends_at_ms:
            return None
        likelihoods = AFTER_SLEEP if is_drowsy else self._likelihoods
        key = (is_drowsy, possible)
        if key not in self._bounds:
            self._bounds[key] = tuple(accumulate(likelihoods.get(fault, 0.0) for fault in possible))
        chosen = self._choices.rare(self._bounds[key], about)
        return possible[chosen - 1] if chosen else None

    def freeze_ends_ms(self, now_ms: int, durations_ms: tuple[int, ...], about: str) -> int:
        """Choose when a process that freezes now wakes: no later than the faults end."""
        return max(now_ms, min(self._ends_at_ms, now_ms + self.one_of(durations_ms, about)))

    def one_of(self, durations_ms: tuple[int, ...], about: str) -> int:
        """Choose a duration; the first is the tame one."""
        return durations_ms[self._choices.below(len(durations_ms), about)]
