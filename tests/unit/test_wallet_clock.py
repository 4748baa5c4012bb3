"""The clock of the wallet in memory: it stops wherever somebody is to be woken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from wallet_core.memory.clock import START
from wallet_core.testing import WalletClock


class Alarms:
    """Somebody who is woken at some instants, seconds after the start, and notes what the clock said."""

    def __init__(self, clock: WalletClock, *seconds: int) -> None:
        """Wait for these."""
        self.woken_at_s: list[float] = []
        self._clock = clock
        self._due = [START + timedelta(seconds=second) for second in seconds]
        clock.wakes(self)

    def next_due_at(self) -> datetime | None:
        """Give the first."""
        return self._due[0] if self._due else None

    def wake(self) -> None:
        """Note the time; forget what is due."""
        if self._due and self._due[0] <= self._clock.now():
            self.woken_at_s.append(self._clock.monotonic_s())
            del self._due[0]


def test_everybody_is_woken_at_the_instant() -> None:
    """One step over many instants wakes each sleeper at each of its own, and ends where it should."""
    clock = WalletClock()
    one, other = Alarms(clock, 1, 6, 51), Alarms(clock, 6, 7, 90)

    clock.advance(timedelta(seconds=60))

    assert ([1, 6, 51], [6, 7]) == (one.woken_at_s, other.woken_at_s)
    assert START + timedelta(seconds=60) == clock.now()


def test_nobody_is_woken_when_it_is_set_back() -> None:
    """A clock of a machine may be set back; nothing falls due by that."""
    clock = WalletClock()
    alarms = Alarms(clock, 1)

    clock.advance(timedelta(seconds=-30))

    assert [] == alarms.woken_at_s
    assert START - timedelta(seconds=30) == clock.now()


def test_it_starts_where_told() -> None:
    """A test may choose its day."""
    clock = WalletClock(datetime(2031, 5, 1, 12, tzinfo=UTC))

    assert "<WalletClock at 2031-05-01T12:00:00.000Z>" == repr(clock)
