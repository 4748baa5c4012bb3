"""The bytes of a message: a body that came in becomes a message, an answer becomes the body that goes out.

Reading is total: whatever the bytes are, the result is a message (a dict whose numbers are ``Decimal``) or a
``SetAside``.

========================================  =====================================================================
body over 64 KiB                          set aside unparsed: ``too_large``
not UTF-8; not JSON; NaN, Infinity        set aside: ``no_usable_id`` (a byte order mark is skipped)
nested deeper than the parser goes        set aside
an array, a string, ``null``              set aside: only an object has fields
a field twice                             the last one counts, as for every JSON reader in the field
a number of 5,000 digits, ``1e999999``    read: ``Decimal`` holds it without computing it; the rules refuse it
an exponent that no ``Decimal`` holds     read as NaN, which no rule takes for an amount
========================================  =====================================================================
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from wallet_core.commands import DeadLetterReason, SetAside
from wallet_core.events import TransactionFinalized
from wallet_core.messages import Message, finalized_message

BODY_BYTES_MAX = 64 * 1024
"""Longest body that is read."""

_DETAIL_LENGTH_MAX = 1_000
"""Most characters of what a parser says about a body."""

_answer_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)


def message_of(body: bytes) -> Message | SetAside:
    """Read the body of a message; one that is too long or no JSON object is set aside. Raises nothing."""
    if len(body) > BODY_BYTES_MAX:
        return SetAside(DeadLetterReason.TOO_LARGE, f"the body has {len(body)} bytes: {BODY_BYTES_MAX} are read")
    try:
        message = _read_json(body.decode("utf-8-sig"))
    except RecursionError:
        return unreadable("the body is nested too deeply")
    except ValueError as error:
        return unreadable(f"the body is not JSON in UTF-8: {error}"[:_DETAIL_LENGTH_MAX])
    if not isinstance(message, dict):
        return unreadable(f"the body is a JSON {type(message).__name__}, not an object")
    return message


def unreadable(detail: str) -> SetAside:
    """Set aside a body in which no id can be read."""
    return SetAside(DeadLetterReason.NO_USABLE_ID, detail)


def answer_body(answer: TransactionFinalized) -> bytes:
    """Write an answer as compact JSON; equal answers give equal bytes. ASCII: no text can fail to be written."""
    return _answer_encoder.encode(finalized_message(answer)).encode("ascii")


def _number(token: str) -> Decimal:
    try:
        return Decimal(token)
    except InvalidOperation:
        return Decimal("NaN")


def _refuse_constant(token: str) -> NoReturn:
    raise ValueError(f"{token} is not JSON")


_read_json = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_refuse_constant).decode
