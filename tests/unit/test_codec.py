"""Bytes and headers: whatever arrives is a message or is set aside, and what is written can be read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import decode, encode
from pamqp.commands import Basic
from pamqp.common import FieldValue

from adapters.rabbitmq.codec import (
    ATTEMPTS_MAX,
    BODY_BYTES_MAX,
    DETAIL_LENGTH_MAX,
    FOREIGN_HEADERS_MAX,
    Provenance,
    answer_body,
    attempts_of,
    dead_letter_properties,
    message_of,
    provenance_of,
    replay_properties,
    retry_properties,
)
from adapters.rabbitmq.frame_tolerance import tolerate_unreadable_properties
from tests.oracle import DocumentedReader
from wallet_core import DeadLetterReason, FinalStatus, SetAside, TransactionFinalized, Vocabulary

NOW = datetime(2025, 1, 15, 11, 0, 5, 123_000, tzinfo=UTC)
SOURCE = "wallet.update.q"
KEY = "transaction.completed"
PROVENANCE = Provenance(SOURCE, KEY, NOW, attempts=2, replayed=0)

READABLE: Mapping[str, tuple[bytes, dict[str, object]]] = {
    "numbers are Decimal": (b'{"a": 100.00, "b": 7, "c": 1e2}', {"a": Decimal("100.00"), "b": 7, "c": Decimal("1e2")}),
    "a byte order mark": (b'\xef\xbb\xbf{"a": "b"}', {"a": "b"}),
    "the last of two": (b'{"a": 1, "a": 2}', {"a": 2}),
    "an integer of 5,000 digits": (b'{"a": ' + b"9" * 5_000 + b"}", {"a": Decimal("9" * 5_000)}),
    "a huge exponent": (b'{"a": 1e999999}', {"a": Decimal("1e999999")}),
    "a lone surrogate": (b'{"a": "\\ud800"}', {"a": "\ud800"}),
    "just small enough": (
        b'{"a": "' + b"x" * (BODY_BYTES_MAX - 9) + b'"}',
        {"a": "x" * (BODY_BYTES_MAX - 9)},
    ),
}

UNREADABLE = {
    "empty": b"",
    "blank": b"  ",
    "text": b"hello",
    "cut off": b'{"a": 1',
    "two objects": b"{}{}",
    "wrong UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "nested too deeply": b'{"a":' * 10_000,
    "an array": b"[]",
    "a number": b"1",
    "null": b"null",
}


@pytest.mark.parametrize(("body", "message"), READABLE.values(), ids=READABLE.keys())
def test_what_is_read(body: bytes, message: dict[str, object]) -> None:
    """A JSON object in UTF-8 is read exactly, its numbers without rounding and without computing them."""
    assert message == message_of(body)


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_set_aside(body: bytes) -> None:
    """What is no JSON object in UTF-8 is set aside, with a detail that fits into a header."""
    read = message_of(body)

    assert isinstance(read, SetAside)
    assert DeadLetterReason.NO_USABLE_ID is read.reason
    assert 0 < len(read.detail) <= DETAIL_LENGTH_MAX


def test_an_exponent_that_no_decimal_holds_is_nan() -> None:
    """The rest of such a message is read, so that its transaction can be refused."""
    read = message_of(b'{"transactionId": "a", "amount": 1e' + b"9" * 30 + b"}")

    assert isinstance(read, dict)
    assert "a" == read["transactionId"]
    assert read["amount"].is_nan()


def test_a_body_over_64_kib_is_not_parsed() -> None:
    """One byte too many, and the body is set aside unread, whatever it is."""
    read = message_of(b" " * (BODY_BYTES_MAX + 1))

    assert isinstance(read, SetAside)
    assert DeadLetterReason.TOO_LARGE is read.reason


@pytest.mark.parametrize("encoding", [None, "", "utf-8", "UTF-8", "utf8", "identity"])
def test_plain_encodings_are_read(encoding: str | None) -> None:
    """A content encoding that says nothing special is read."""
    assert {"a": "b"} == message_of(b'{"a": "b"}', encoding)


@pytest.mark.parametrize("encoding", ["gzip", "br", "utf-16", "x" * 300])
def test_other_encodings_are_set_aside(encoding: str) -> None:
    """A content encoding that would need decoding is set aside, although the bytes look like JSON."""
    assert isinstance(message_of(b'{"a": "b"}', encoding), SetAside)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_set_aside(body: bytes) -> None:
    """No bytes make the reading raise."""
    assert isinstance(message_of(body), dict | SetAside)


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
    parked = retry_properties(Basic.Properties(), PROVENANCE)

    later = datetime(2026, 1, 1, tzinfo=UTC)
    read = provenance_of(parked.headers, SOURCE, SOURCE, later)

    assert Provenance(SOURCE, KEY, NOW, attempts=3, replayed=0) == read


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
    letter = dead_letter_properties(Basic.Properties(), PROVENANCE, "id", "key_reused", "\ud800" + "x" * 5_000)

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

    parked = retry_properties(received, PROVENANCE)

    assert (None, None, None, None) == (parked.expiration, parked.user_id, parked.reply_to, parked.priority)
    headers = parked.headers or {}
    assert ["kept"] == [name for name in headers if not name.startswith("x-wallet-")]
    assert "x-wallet-reason" not in headers


def test_headers_of_others_are_bounded() -> None:
    """Only few, short and plain headers of others are carried on."""
    many: dict[str, FieldValue] = {f"h{number}": number for number in range(1_000)}
    large: dict[str, FieldValue] = {"large": "x" * 10_000, "list": [1], "table": {"a": 1}, "float": 1.5}

    kept = retry_properties(Basic.Properties(headers=large | many), PROVENANCE).headers or {}

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
    parked = retry_properties(Basic.Properties(headers=headers), PROVENANCE)

    assert parked.headers is not None
    _, read = decode.field_table(encode.field_table(parked.headers))
    assert read == parked.headers


@given(st.binary(max_size=60))
def test_any_property_bytes_are_decoded(wire: bytes) -> None:
    """Bytes that the client library cannot decode as timestamp, text or table are decoded as something."""
    tolerate_unreadable_properties()

    consumed, _ = decode.METHODS["timestamp"](wire.ljust(8, b"\xff"))
    assert 8 == consumed
    consumed, text = decode.METHODS["shortstr"](len(wire).to_bytes(1) + wire)
    assert (len(wire) + 1, str) == (consumed, type(text))
    consumed, table = decode.METHODS["table"](len(wire).to_bytes(4) + wire)
    assert (len(wire) + 4, dict) == (consumed, type(table))


def test_an_answer_is_written_the_same_each_time() -> None:
    """Equal answers give equal bytes, which the documented reader can read."""
    answer = TransactionFinalized(
        "5" * 24, 1, FinalStatus.FAILED, "Guthaben reicht nicht: 5 €", "u1", Vocabulary.DOCUMENTED, NOW
    )

    body = answer_body(answer)

    assert body == answer_body(answer)
    assert "Guthaben reicht nicht: 5 €" == DocumentedReader().read(body).reason
    assert ["transactionId", "status", "reason", "userId", "success", "finalizedAt", "revision"] == list(
        json.loads(body)
    )
