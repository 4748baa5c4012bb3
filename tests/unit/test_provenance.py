"""Headers: where a message comes from, how long and how often it has waited, read back with suspicion."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import decode, encode
from pamqp.commands import Basic
from pamqp.common import FieldValue

from adapters.rabbitmq.codec import (
    ATTEMPTS_MAX,
    DETAIL_LENGTH_MAX,
    FOREIGN_HEADERS_MAX,
    Provenance,
    attempts_of,
    dead_letter_id_of,
    dead_letter_properties,
    parked_at_of,
    provenance_of,
    replay_properties,
    retry_properties,
    return_properties,
)

NOW = datetime(2025, 1, 15, 11, 0, 5, 123_000, tzinfo=UTC)
SOURCE = "wallet.update.q"
KEY = "transaction.completed"
PROVENANCE = Provenance(SOURCE, KEY, NOW, attempts=2, replayed=0)


@pytest.mark.parametrize(
    ("value", "attempts"),
    [
        (None, 0),
        (0, 0),
        (3, 3),
        (-1, 0),
        (2**62, ATTEMPTS_MAX),
        (True, 0),
        ("3", 0),
        (b"3", 0),
        (3.5, 0),
        ([3], 0),
        ({"a": 3}, 0),
        (NOW, 0),
    ],
)
def test_attempts_are_read_with_suspicion(value: FieldValue, attempts: int) -> None:
    """A count that nobody sane has written counts as none, and no count grows without bound."""
    assert attempts == attempts_of({"x-wallet-attempts": value})


def test_a_first_delivery_comes_from_where_it_was_delivered() -> None:
    """Without headers of ours, a message was first seen now, under the key that it was delivered with."""
    assert Provenance(SOURCE, KEY, NOW, attempts=0, replayed=0) == provenance_of(None, SOURCE, KEY, NOW)


def test_a_retry_keeps_where_it_comes_from() -> None:
    """What comes back from a retry queue keeps its first key and time, and counts one attempt more."""
    parked = retry_properties(Basic.Properties(), PROVENANCE, NOW)

    later = datetime(2026, 1, 1, tzinfo=UTC)
    read = provenance_of(parked.headers, SOURCE, SOURCE, later)

    assert Provenance(SOURCE, KEY, NOW, attempts=3, replayed=0) == read


def test_a_message_says_since_when_it_waits() -> None:
    """What goes into a retry queue is stamped; what comes back from there is not, and counts no attempt more."""
    parked = retry_properties(Basic.Properties(), PROVENANCE, NOW)

    back = return_properties(parked, provenance_of(parked.headers, SOURCE, SOURCE, NOW))

    assert NOW == parked_at_of(parked.headers)
    assert parked_at_of(back.headers) is None
    assert replace(PROVENANCE, attempts=3) == provenance_of(back.headers, SOURCE, SOURCE, NOW)


@pytest.mark.parametrize("stamp", ["yesterday", "2025-01-15T11:00:05", 5, None, b"x"])
def test_a_stamp_that_is_no_instant_is_none(stamp: FieldValue) -> None:
    """Whatever somebody else has written there, it does not decide how long an event waits."""
    assert parked_at_of({"x-wallet-parked-at": stamp}) is None


def test_a_message_keeps_its_dead_letter_id() -> None:
    """From its first park to its replay a message has one id as a dead letter: it tells it from its duplicates."""
    marked = replace(PROVENANCE, dead_letter_id="4d0e9a7c-0000")

    for written in (
        retry_properties(Basic.Properties(), marked, NOW),
        return_properties(Basic.Properties(), marked),
        dead_letter_properties(Basic.Properties(), marked, "key_reused", "why"),
        replay_properties(Basic.Properties(), marked),
    ):
        assert "4d0e9a7c-0000" == dead_letter_id_of(written.headers)


@pytest.mark.parametrize("value", ["", "x" * 65, "with space", 5, None, b"x", ["x"]])
def test_a_dead_letter_id_that_is_none_is_not_believed(value: FieldValue) -> None:
    """An id that nobody of us has drawn counts as none."""
    assert dead_letter_id_of({"x-wallet-dead-letter-id": value}) is None


@pytest.mark.parametrize(
    "first_seen", ["yesterday", "2025-01-15T11:00:05", "", 5, "9" * 100, "0001-01-01T00:00:00+14:00", None]
)
def test_a_first_seen_that_is_no_instant_is_now(first_seen: FieldValue) -> None:
    """Whatever somebody else has written there, it is a time."""
    assert NOW == provenance_of({"x-wallet-first-seen": first_seen}, SOURCE, KEY, NOW).first_seen_at


@pytest.mark.parametrize("key", ["", "x" * 256, 5, b"x"])
def test_a_routing_key_that_is_none_is_that_of_the_delivery(key: FieldValue) -> None:
    """A key in a header that no routing key can be is not believed."""
    assert KEY == provenance_of({"x-wallet-routing-key": key}, SOURCE, KEY, NOW).routing_key


def test_a_replay_forgets_the_attempts() -> None:
    """A dead letter that a person sends back starts anew, and says that it was replayed."""
    replayed = replay_properties(Basic.Properties(), PROVENANCE)

    read = provenance_of(replayed.headers, SOURCE, SOURCE, NOW)

    assert (0, 1, NOW) == (read.attempts, read.replayed, read.first_seen_at)


def test_a_dead_letter_says_why() -> None:
    """Id, reason and detail travel in headers; a detail is cut, and no text of it can break the frame."""
    provenance = replace(PROVENANCE, dead_letter_id="id")

    letter = dead_letter_properties(Basic.Properties(), provenance, "key_reused", "\ud800" + "x" * 5_000)

    headers = letter.headers or {}
    assert ("id", "key_reused") == (headers["x-wallet-dead-letter-id"], headers["x-wallet-reason"])
    assert "?" + "x" * (DETAIL_LENGTH_MAX - 1) == headers["x-wallet-detail"]
    assert 2 == headers["x-wallet-attempts"]


def test_what_would_change_the_way_of_a_parked_message_is_dropped() -> None:
    """Expiry, foreign user, copies and the broker's own history do not go into our queues."""
    received = Basic.Properties(
        expiration="1",
        user_id="somebody",
        reply_to="queue",
        priority=9,
        headers={"CC": "x", "BCC": "x", "x-death": 1, "x-first-death-queue": "q", "x-wallet-reason": "old", "kept": 1},
    )

    parked = retry_properties(received, PROVENANCE, NOW)

    assert (None, None, None, None) == (parked.expiration, parked.user_id, parked.reply_to, parked.priority)
    headers = parked.headers or {}
    assert ["kept"] == [name for name in headers if not name.startswith("x-wallet-")]
    assert "x-wallet-reason" not in headers


def test_headers_of_others_are_bounded() -> None:
    """Only few, short and plain headers of others are carried on."""
    many: dict[str, FieldValue] = {f"h{number}": number for number in range(1_000)}
    large: dict[str, FieldValue] = {"large": "x" * 10_000, "list": [1], "table": {"a": 1}, "float": 1.5}

    kept = retry_properties(Basic.Properties(headers=large | many), PROVENANCE, NOW).headers or {}

    assert FOREIGN_HEADERS_MAX == len([name for name in kept if not name.startswith("x-wallet-")])
    assert large.keys().isdisjoint(kept)


header_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=20)
    | st.floats()
    | st.binary(max_size=9),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=20), header_values, max_size=8))
def test_any_headers_can_be_parked_and_read_back(headers: dict[str, FieldValue]) -> None:
    """Whatever headers a message has, what we write of them can be put into a frame, and read back."""
    parked = retry_properties(Basic.Properties(headers=headers), PROVENANCE, NOW)

    assert parked.headers is not None
    _, read = decode.field_table(encode.field_table(parked.headers))
    assert read == parked.headers
