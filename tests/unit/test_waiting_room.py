"""How long an event is held in the waiting room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rabbitmq.waiting_room import remaining_s

NOW = datetime(2025, 1, 15, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("parked_before_s", "held_s"),
    [(0, 30), (10, 20), (29.999, 0.001), (30, 0), (31, 0), (1e8, 0), (-1, 30), (-1e8, 30)],
)
def test_time_that_was_waited_counts(parked_before_s: float, held_s: float) -> None:
    """An event is held for what is left of its delay; a clock that jumps shortens or prolongs it to nothing or all."""
    assert held_s == pytest.approx(remaining_s(30_000, NOW - timedelta(seconds=parked_before_s), NOW))


def test_nobody_knows_since_when() -> None:
    """An event without a stamp is held for all of its delay."""
    assert 30 == remaining_s(30_000, None, NOW)


@given(st.integers(1, 86_400_000), st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_no_clock_holds_an_event_for_ever(delay_ms: int, parked_at: datetime, now: datetime) -> None:
    """Whatever the clocks say, an event is held between no time and its delay."""
    assert 0 <= remaining_s(delay_ms, parked_at, now) <= delay_ms / 1_000
