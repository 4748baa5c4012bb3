"""Bodies: whatever the bytes are, they are a message or are set aside, and an answer is written the same each time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rabbitmq.codec import DETAIL_LENGTH_MAX
from tests.oracle import DocumentedReader
from wallet_core import DeadLetterReason, FinalStatus, SetAside, TransactionFinalized, Vocabulary
from wallet_core.body import BODY_BYTES_MAX, answer_body, message_of

NOW = datetime(2025, 1, 15, 11, 0, 5, 123_000, tzinfo=UTC)

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


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_set_aside(body: bytes) -> None:
    """No bytes make the reading raise."""
    assert isinstance(message_of(body), dict | SetAside)


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
