"""What only a broker can say about a body: its encoding, and properties that a client library cannot decode."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import decode

from adapters.rabbitmq.codec import message_of
from adapters.rabbitmq.frame_tolerance import tolerate_unreadable_properties
from wallet_core import DeadLetterReason, SetAside
from wallet_core.body import BODY_BYTES_MAX


@pytest.mark.parametrize("encoding", [None, "", "utf-8", "UTF-8", "utf8", "identity"])
def test_plain_encodings_are_read(encoding: str | None) -> None:
    """A content encoding that says nothing special is read."""
    assert {"a": "b"} == message_of(b'{"a": "b"}', encoding)


@pytest.mark.parametrize("encoding", ["gzip", "br", "utf-16", "x" * 300])
def test_other_encodings_are_set_aside(encoding: str) -> None:
    """A content encoding that would need decoding is set aside, although the bytes look like JSON."""
    assert isinstance(message_of(b'{"a": "b"}', encoding), SetAside)


def test_a_body_over_64_kib_is_too_large_in_any_encoding() -> None:
    """The size counts before the encoding: such a body is looked at no further."""
    read = message_of(b" " * (BODY_BYTES_MAX + 1), "gzip")

    assert isinstance(read, SetAside)
    assert DeadLetterReason.TOO_LARGE is read.reason


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
