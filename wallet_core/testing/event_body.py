"""The body of an event, as a producer writes it: JSON in UTF-8 with the digits of a ``Decimal`` as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal


def event_body(message: Mapping[str, object]) -> bytes:
    """
    Write a message. Raises TypeError or ValueError for a value that no JSON can carry.

    >>> event_body({"transactionId": "t1", "amount": Decimal("100.50")})
    b'{"transactionId":"t1","amount":100.50}'
    """
    try:
        return _written(message).encode()
    except RecursionError:
        raise ValueError("the message is nested too deeply to be written: send such a body as bytes") from None


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(name))}:{_written(field)}" for name, field in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    if not isinstance(value, Decimal):
        return json.dumps(value, allow_nan=False)
    if not value.is_finite():
        raise ValueError(f"{value} is no number in JSON")
    return str(value)
