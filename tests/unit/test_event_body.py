"""The bodies that a neighbour's test writes: the wallet reads of them what the test meant, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

import pytest

from wallet_core.body import message_of
from wallet_core.testing.event_body import event_body

WRITTEN: Mapping[str, tuple[object, object]] = {
    "more digits than a float has": (Decimal("12345678901234567890.10"), Decimal("12345678901234567890.10")),
    "zeros at the end": (Decimal("100.50"), Decimal("100.50")),
    "an exponent": (Decimal("1E+999999"), Decimal("1E+999999")),
    "a whole number": (100, Decimal(100)),
    "a float, as its text": (0.1, Decimal("0.1")),
    "text": ('"\u00e9\ud800', '"\u00e9\ud800'),
    "nothing": (None, None),
    "a list of objects": ([{"a": True, "b": Decimal("1.0")}, ()], [{"a": True, "b": Decimal("1.0")}, []]),
}


@pytest.mark.parametrize(("value", "read"), WRITTEN.values(), ids=WRITTEN.keys())
def test_what_is_written_is_read(value: object, read: object) -> None:
    """Every value comes back; a number keeps its digits."""
    message = message_of(event_body({"field": value}))

    assert isinstance(message, dict)
    assert str(read) == str(message["field"])


def test_without_decimals_it_is_plain_json() -> None:
    """What ``json`` can write is written as it would write it, but for the spaces."""
    message = {"transactionId": "t1", "amount": 12.5, "nested": {"a": [1, 2]}, "none": None, "1": False}

    assert json.dumps(message, separators=(",", ":")).encode() == event_body(message)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("inf"), b"bytes", {1, 2}])
def test_what_is_no_json_cannot_be_written(value: object) -> None:
    """It is a mistake of the test: no neighbour can send it."""
    with pytest.raises((TypeError, ValueError)):
        event_body({"amount": value})
