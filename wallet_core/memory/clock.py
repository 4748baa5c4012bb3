"""A clock that moves only when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from wallet_core.ledger import to_milliseconds

START = datetime(2025, 1, 15, 11, 0, 5, tzinfo=UTC)
"""Where time starts unless told otherwise: the instant of the contract's first sample of a ``completed``."""


class ManualClock:
    """A Clock for tests and simulations."""

    def __init__(self, start: datetime = START) -> None:
        """Stand still at ``start``, an aware instant."""
        self._now = to_milliseconds(start)

    def now(self) -> datetime:
        """Give the instant at which the clock stands."""
        return self._now

    def advance(self, delta: timedelta) -> None:
        """Move by ``delta``; backwards too, as clocks of machines do."""
        self._now = to_milliseconds(self._now + delta)

    def monotonic_s(self) -> float:
        """Give seconds for what must measure a wait; never fewer than before, unless the clock was moved back."""
        return (self._now - START).total_seconds()
