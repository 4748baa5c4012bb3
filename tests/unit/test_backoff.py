"""The pauses between tries: growing, jittered, bounded, for ever."""

from __future__ import annotations

from adapters.rabbitmq.backoff import Backoff


def test_pauses_grow_to_a_bound_and_never_over_it() -> None:
    """Each pause is between half and all of the doubled one; after thousands of failures it is still bounded."""
    backoff = Backoff(initial_s=0.1, max_s=10.0)

    pauses_s = [backoff.next_pause_s() for _ in range(5_000)]

    assert 0.05 <= pauses_s[0] <= 0.1
    assert 0.4 <= pauses_s[3] <= 0.8
    assert all(5.0 <= pause_s <= 10.0 for pause_s in pauses_s[10:])
    assert len(set(pauses_s[10:])) > 100


def test_a_success_starts_anew() -> None:
    """After a reset the first pause is short again."""
    backoff = Backoff(initial_s=0.1, max_s=10.0)
    for _ in range(20):
        backoff.next_pause_s()

    backoff.reset()

    assert backoff.next_pause_s() <= 0.1
