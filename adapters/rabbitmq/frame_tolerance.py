"""Keep one message with unreadable properties from cutting our connection, again and again.

The broker passes on what a publisher wrote: a timestamp in microseconds (year 57,000), a message id or a header name
in Latin-1, tables in tables a thousand deep. The decoder below aio-pika raises at these, which ends its connection;
the message goes back to its queue, and is the first to come on the next connection. One such message would stop us
for ever.

So four entries of the decoder's own tables of types (a timestamp stands in two of them) give what can be had instead:
no timestamp, replacement characters, an empty table. What is well formed is decoded exactly as before. Found by sending
each to a real broker; see ``tests/integration/test_rabbitmq_consumer.py``.
"""

from __future__ import annotations

import struct
from datetime import datetime

from pamqp import decode
from pamqp.common import FieldTable, FieldValue


def tolerate_unreadable_properties() -> None:
    """Replace the four entries. The tables belong to the process; doing it twice changes nothing."""
    decode.METHODS["timestamp"] = _timestamp
    decode.METHODS["shortstr"] = _short_string
    decode.METHODS["table"] = _table
    decode.TABLE_MAPPING[b"T"] = _timestamp


def _timestamp(value: bytes) -> tuple[int, datetime | None]:
    try:
        return decode.timestamp(value)
    except (ValueError, OverflowError, OSError):
        return 8, None


def _short_string(value: bytes) -> tuple[int, FieldValue]:
    try:
        return decode.short_str(value)
    except UnicodeDecodeError:
        length = value[0]
        return length + 1, value[1 : length + 1].decode("utf-8", "replace")


def _table(value: bytes) -> tuple[int, FieldTable]:
    try:
        return decode.field_table(value)
    except (ValueError, RecursionError):
        (length,) = struct.unpack_from(">I", value)
        return length + 4, {}
