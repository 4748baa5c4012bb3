"""What every clock must do: tell instants as the books keep them, and move on."""

# ruff: noqa: S101 - a suite speaks in asserts

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from wallet_core.ledger import to_milliseconds
from wallet_core.ports import Clock

A_WHILE = timedelta(milliseconds=20)
"""Many milliseconds, so that a clock which is slewed by a time server has moved on too."""


@dataclass(frozen=True, slots=True)
class RunningClock:
    """A clock; ``let_pass`` returns when at least that much time has passed on it."""

    clock: Clock
    let_pass: Callable[[timedelta], Awaitable[None]]


class ClockSuite:
    """Provide the fixture ``running``: a ``RunningClock``."""

    def test_an_instant_is_in_utc(self, running: RunningClock) -> None:
        """An instant is aware, and its offset from UTC is nothing."""
        assert running.clock.now().utcoffset() == timedelta(0)

    async def test_instants_are_cut_to_milliseconds(self, running: RunningClock) -> None:
        """The books keep milliseconds, so an instant that is read back is the one that was written."""
        for _ in range(5):
            now = running.clock.now()

            assert to_milliseconds(now) == now
            await running.let_pass(timedelta(milliseconds=1))

    async def test_time_moves_on(self, running: RunningClock) -> None:
        """What happens later has a later instant."""
        before = running.clock.now()

        await running.let_pass(A_WHILE)

        assert running.clock.now() > before
