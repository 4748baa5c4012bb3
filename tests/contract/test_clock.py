"""The suite of the port Clock over every adapter."""

import asyncio
from datetime import timedelta

import pytest

from adapters.clock import SystemClock
from wallet_core.memory import ManualClock
from wallet_core.testing.conformance import ClockSuite, RunningClock


class TestManual(ClockSuite):
    """The clock of tests."""

    @pytest.fixture
    def running(self) -> RunningClock:
        """Give a clock that moves when it is told to."""
        clock = ManualClock()

        async def let_pass(duration: timedelta) -> None:
            clock.advance(duration)

        return RunningClock(clock, let_pass)


class TestSystem(ClockSuite):
    """The machine's clock."""

    @pytest.fixture
    def running(self) -> RunningClock:
        """Give a clock that moves by itself."""

        async def let_pass(duration: timedelta) -> None:
            await asyncio.sleep(duration.total_seconds())

        return RunningClock(SystemClock(), let_pass)
