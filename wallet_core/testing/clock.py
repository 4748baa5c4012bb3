"""The clock of a wallet in memory: it moves when a test says so, and whoever waits for an instant is woken at it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from wallet_core.fields import iso_milliseconds
from wallet_core.ledger import to_milliseconds
from wallet_core.memory.clock import START, ManualClock


class Sleeper(Protocol):
    """Somebody who waits for an instant."""

    def next_due_at(self) -> datetime | None:
        """Give the instant to be woken at; None while there is nothing to wait for."""
        ...

    def wake(self) -> None:
        """Do all that is due now, so that ``next_due_at`` lies ahead."""
        ...


class WalletClock(ManualClock):
    """
    A clock that stops at every instant at which something is due, so that the books say when it really happened.

    >>> from datetime import timedelta
    >>> from wallet_core.testing import WalletClock
    >>> clock = WalletClock()
    >>> clock.advance(timedelta(seconds=30))
    >>> clock
    <WalletClock at 2025-01-15T11:00:35.000Z>
    """

    def __init__(self, start: datetime = START) -> None:
        """Stand still at ``start``, an aware instant. Raises ValueError for one without an offset from UTC."""
        if start.utcoffset() is None:
            msg = f"{start!r} has no offset from UTC, so it is no instant: add tzinfo=UTC"
            raise ValueError(msg)
        super().__init__(start)
        self._sleepers: list[Sleeper] = []

    def __repr__(self) -> str:
        """Show where it stands."""
        return f"<{type(self).__name__} at {iso_milliseconds(self.now())}>"

    def wakes(self, sleeper: Sleeper) -> None:
        """Wake ``sleeper`` too when time passes; it is kept as long as the clock is."""
        self._sleepers.append(sleeper)

    def advance(self, delta: timedelta) -> None:
        """
        Move by ``delta`` and wake whoever waits on the way, each at its instant.

        Backwards too, as clocks of machines do; then nothing falls due. No event loop is needed. Raises what a sleeper
        raises; the clock then stands at that instant.
        """
        end_at = to_milliseconds(self.now() + delta)
        while (due_at := self._next_due_at(end_at)) is not None:
            super().advance(max(due_at - self.now(), timedelta(0)))
            for sleeper in self._sleepers:
                sleeper.wake()
        super().advance(end_at - self.now())

    def _next_due_at(self, end_at: datetime) -> datetime | None:
        instants = (sleeper.next_due_at() for sleeper in self._sleepers)
        return min((instant for instant in instants if instant is not None and instant <= end_at), default=None)
