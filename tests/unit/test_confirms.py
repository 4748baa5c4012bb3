"""How messages are dealt into waves: none too long, no id twice in flight."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.rabbitmq.confirms import IN_FLIGHT_MAX, waves


def test_equal_ids_go_into_different_waves() -> None:
    """A message whose id is in flight waits for the next wave; the others do not wait for it."""
    assert [[0, 1, 3, 4], [2]] == list(waves(["a", "b", "a", None, None]))


@given(st.lists(st.none() | st.sampled_from("abcdef"), max_size=60) | st.just([None] * (IN_FLIGHT_MAX * 2 + 1)))
def test_every_message_is_in_one_wave(message_ids: list[str | None]) -> None:
    """Each position is dealt once, in order within its wave, and no wave is too long or holds an id twice."""
    dealt = list(waves(message_ids))

    assert sorted(position for wave in dealt for position in wave) == list(range(len(message_ids)))
    for wave in dealt:
        ids = [message_ids[position] for position in wave if message_ids[position]]
        assert wave == sorted(wave)
        assert len(ids) == len(set(ids))
        assert 0 < len(wave) <= IN_FLIGHT_MAX
