"""How long to wait before the next try: doubling, with jitter, never more than a bound, tries without end."""

from __future__ import annotations

import random
from dataclasses import dataclass

DOUBLINGS_MAX = 30
"""Where the doubling stops being computed: far above any bound, far below what a float holds."""


@dataclass(slots=True)
class Backoff:
    """The pauses of one row of failures. ``reset`` after a success; the first pause is about ``initial_s``."""

    initial_s: float
    max_s: float
    _failures: int = 0

    def next_pause_s(self) -> float:
        """Give the next pause: between half and all of the doubled one, so that many processes do not come at once."""
        pause_s = min(self.max_s, self.initial_s * 2.0 ** min(self._failures, DOUBLINGS_MAX))
        self._failures += 1
        return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - it spreads load, it protects nothing

    def reset(self) -> None:
        """Begin again with the first pause."""
        self._failures = 0
