"""The wall clocks of a simulation: virtual time, and each machine's is wrong in its own way."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.simulation.scheduler import Scheduler
from wallet_core.memory.clock import START


class SkewedClock:
    """The wall clock of one machine: virtual time, and always wrong by the same."""

    def __init__(self, scheduler: Scheduler, skew_s: int = 0) -> None:
        """Be wrong by ``skew_s``."""
        self._scheduler = scheduler
        self._skew = timedelta(seconds=skew_s)

    def now(self) -> datetime:
        """Give the instant."""
        return START + timedelta(milliseconds=self._scheduler.now_ms) + self._skew

    def monotonic_s(self) -> float:
        """Give seconds that never go back."""
        return self._scheduler.now_ms / 1_000
