"""Bytes and headers: what a delivery carries, what a parked message carries, what an answer looks like on the wire.

Reading is total: whatever the bytes are, the result is a message (a dict whose numbers are ``Decimal``) or a
``SetAside``.

========================================  =====================================================================
body over 64 KiB                          set aside unparsed: ``too_large``
compressed (``content_encoding``)         set aside: ``no_usable_id``, as everything below
not UTF-8; not JSON; NaN, Infinity        set aside (a byte order mark is skipped: it carries no meaning)
nested deeper than the parser goes        set aside
an array, a string, ``null``              set aside: only an object has fields
a field twice                             the last one counts, as for every JSON reader in the field
a number of 5,000 digits, ``1e999999``    read: ``Decimal`` holds it without computing it; the rules refuse it
an exponent that no ``Decimal`` holds     read as NaN, which no rule takes for an amount
========================================  =====================================================================

``content_type`` is not looked at: the neighbours do not agree on it, and the bytes decide.

A message that is parked (retry or dead letter) keeps its body bytes and who it is; our own headers say where it comes
from and how often it was tried. They are read back with suspicion: any other program may have written them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from pamqp.commands import Basic
from pamqp.common import FieldValue

from wallet_core.commands import DeadLetterReason, SetAside
from wallet_core.events import TransactionFinalized
from wallet_core.fields import iso_milliseconds
from wallet_core.ledger import DEAD_LETTER_ID_LENGTH_MAX
from wallet_core.messages import Message, finalized_message

SHORT_STRING_BYTES_MAX = 255
"""Most bytes of a property that is text: its length stands in one byte (AMQP 0-9-1, section 4.2.5.3)."""

BODY_BYTES_MAX = 64 * 1024
"""Longest body that is read (design rule 6)."""

ATTEMPTS_HEADER = "x-wallet-attempts"
FIRST_SEEN_HEADER = "x-wallet-first-seen"
SOURCE_QUEUE_HEADER = "x-wallet-source-queue"
ROUTING_KEY_HEADER = "x-wallet-routing-key"
REASON_HEADER = "x-wallet-reason"
DETAIL_HEADER = "x-wallet-detail"
DEAD_LETTER_ID_HEADER = "x-wallet-dead-letter-id"
REPLAYED_HEADER = "x-wallet-replayed"
PARKED_AT_HEADER = "x-wallet-parked-at"

ATTEMPTS_MAX = 1_000_000
"""Where counting stops: a month of waiting for one signup, each 30 s one attempt, is 86,400."""

DETAIL_LENGTH_MAX = 1_000
"""Most characters of a detail in a header: twice the longest error that the intake hands over."""

FOREIGN_HEADERS_MAX = 32
"""Most headers of others that a parked message keeps; a trace context needs two."""

FOREIGN_HEADER_LENGTH_MAX = 512
"""Longest text in such a header: the limit of ``tracestate`` (W3C Trace Context, 3.3.1.5). Longer ones are dropped."""

PERSISTENT = 2
"""Delivery mode of everything that we publish (AMQP 0-9-1, ``basic.delivery-mode``)."""

_PLAIN_ENCODINGS = frozenset({"", "utf-8", "utf8", "identity"})
_BROKER_HEADERS = re.compile(r"(?i)x-(wallet-|death|first-death-|last-death-|delivery-count|opt-)|b?cc$")
"""Not passed on: ours, which are written anew; the broker's history of dead-lettering, by which it may take our
retries for a cycle and drop the message; ``CC`` and ``BCC``, by which it would copy the message to other queues
again."""

_answer_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True, slots=True)
class Provenance:
    """
    Where a message comes from. ``attempts`` counts retry queues it came through, ``replayed`` a person's replays.

    ``dead_letter_id`` is drawn when a message is first parked, and stays: it tells this copy from its duplicates.
    """

    source_queue: str
    routing_key: str
    first_seen_at: datetime
    attempts: int
    replayed: int
    dead_letter_id: str | None = None


def message_of(body: bytes, content_encoding: str | None = None) -> Message | SetAside:
    """Read the body of a message."""
    if len(body) > BODY_BYTES_MAX:
        return SetAside(DeadLetterReason.TOO_LARGE, f"the body has {len(body)} bytes: {BODY_BYTES_MAX} are read")
    if content_encoding and content_encoding.lower() not in _PLAIN_ENCODINGS:
        return _unreadable(f"content encoding {content_encoding[:60]!a} is not read: send plain UTF-8")
    try:
        message = json.loads(
            body.decode("utf-8-sig"), parse_float=_number, parse_int=_number, parse_constant=_refuse_constant
        )
    except RecursionError:
        return _unreadable("the body is nested too deeply")
    except ValueError as error:
        return _unreadable(f"the body is not JSON in UTF-8: {error}"[:DETAIL_LENGTH_MAX])
    if not isinstance(message, dict):
        return _unreadable(f"the body is a JSON {type(message).__name__}, not an object")
    return message


def attempts_of(headers: Mapping[str, FieldValue] | None) -> int:
    """Read how many retry queues a message came through; 0 when nobody, or nobody sane, has counted."""
    return _count(headers, ATTEMPTS_HEADER) if headers else 0


def dead_letter_id_of(headers: Mapping[str, FieldValue] | None) -> str | None:
    """Read the id that this copy of a message has as a dead letter; None when it was never parked."""
    value = (headers or {}).get(DEAD_LETTER_ID_HEADER)
    return value if isinstance(value, str) and _DEAD_LETTER_ID.fullmatch(value) else None


def parked_at_of(headers: Mapping[str, FieldValue] | None) -> datetime | None:
    """Read when a message was put into its retry queue; None when nobody, or nobody sane, has said so."""
    return _instant((headers or {}).get(PARKED_AT_HEADER))


def provenance_of(
    headers: Mapping[str, FieldValue] | None, source_queue: str, delivered_key: str, now: datetime
) -> Provenance:
    """
    Read where a delivery from ``source_queue`` comes from.

    A message that comes back from a retry queue is delivered with the name of its queue as routing key; the original
    one is in our header. ``now`` is when it was first seen, unless a header says so.
    """
    headers = headers or {}
    routing_key = headers.get(ROUTING_KEY_HEADER)
    return Provenance(
        source_queue=source_queue,
        routing_key=routing_key if isinstance(routing_key, str) and 0 < len(routing_key) <= _KEY_MAX else delivered_key,
        first_seen_at=_instant(headers.get(FIRST_SEEN_HEADER)) or now,
        attempts=_count(headers, ATTEMPTS_HEADER),
        replayed=_count(headers, REPLAYED_HEADER),
        dead_letter_id=dead_letter_id_of(headers),
    )


def retry_properties(received: Basic.Properties, provenance: Provenance, parked_at: datetime) -> Basic.Properties:
    """Write the properties of a message that goes into a retry queue: one attempt more, and since when it waits."""
    ours = _provenance_headers(provenance, attempts=min(provenance.attempts + 1, ATTEMPTS_MAX))
    ours[PARKED_AT_HEADER] = iso_milliseconds(parked_at)
    return _parked(received, ours)


def return_properties(received: Basic.Properties, provenance: Provenance) -> Basic.Properties:
    """Write the properties of a message that goes back from a retry queue to its source: the wait is over."""
    return _parked(received, _provenance_headers(provenance, attempts=provenance.attempts))


def dead_letter_properties(
    received: Basic.Properties, provenance: Provenance, reason: str, detail: str
) -> Basic.Properties:
    """Write the properties of a message that is set aside for a person, who will call it by its dead-letter id."""
    ours = _provenance_headers(provenance, attempts=provenance.attempts)
    ours[REASON_HEADER] = reason
    ours[DETAIL_HEADER] = detail[:DETAIL_LENGTH_MAX].encode("utf-8", "replace").decode("utf-8")
    return _parked(received, ours)


def replay_properties(received: Basic.Properties, provenance: Provenance) -> Basic.Properties:
    """Write the properties of a dead letter that a person sends back: no attempts, one replay more."""
    ours = _provenance_headers(provenance, attempts=0)
    ours[REPLAYED_HEADER] = min(provenance.replayed + 1, ATTEMPTS_MAX)
    return _parked(received, ours)


def answer_body(answer: TransactionFinalized) -> bytes:
    """Write an answer as compact JSON; equal answers give equal bytes. ASCII: no text can fail to be written."""
    return _answer_encoder.encode(finalized_message(answer)).encode("ascii")


_DEAD_LETTER_ID = re.compile(rf"[0-9A-Za-z-]{{1,{DEAD_LETTER_ID_LENGTH_MAX}}}")

_KEY_MAX = 255
"""Longest routing key (AMQP 0-9-1: a short string), in bytes; ours are ASCII."""


def _number(token: str) -> Decimal:
    try:
        return Decimal(token)
    except InvalidOperation:
        return Decimal("NaN")


def _refuse_constant(token: str) -> NoReturn:
    raise ValueError(f"{token} is not JSON")


def _unreadable(detail: str) -> SetAside:
    return SetAside(DeadLetterReason.NO_USABLE_ID, detail)


def _count(headers: Mapping[str, FieldValue], name: str) -> int:
    value = headers.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return max(0, min(value, ATTEMPTS_MAX))


def _instant(value: FieldValue) -> datetime | None:
    if not isinstance(value, str) or len(value) > len("2025-01-15T11:00:05.000000+00:00"):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _provenance_headers(provenance: Provenance, attempts: int) -> dict[str, FieldValue]:
    headers: dict[str, FieldValue] = {
        ATTEMPTS_HEADER: attempts,
        FIRST_SEEN_HEADER: iso_milliseconds(provenance.first_seen_at),
        SOURCE_QUEUE_HEADER: provenance.source_queue,
        ROUTING_KEY_HEADER: provenance.routing_key,
    }
    if provenance.replayed:
        headers[REPLAYED_HEADER] = provenance.replayed
    if provenance.dead_letter_id is not None:
        headers[DEAD_LETTER_ID_HEADER] = provenance.dead_letter_id
    return headers


def _parked(received: Basic.Properties, ours: dict[str, FieldValue]) -> Basic.Properties:
    """
    Keep who the message is, and drop what would change its way.

    Dropped: ``expiration`` (a dead letter would vanish), ``user_id`` (the broker refuses another's), ``reply_to``,
    ``priority``.
    """
    return Basic.Properties(
        content_type=_short(received.content_type),
        content_encoding=_short(received.content_encoding),
        headers=_foreign_headers(received.headers) | ours,
        delivery_mode=PERSISTENT,
        correlation_id=_short(received.correlation_id),
        message_id=_short(received.message_id),
        timestamp=received.timestamp,
        message_type=_short(received.message_type),
        app_id=_short(received.app_id),
    )


def _short(text: str | None) -> str | None:
    """Cut a property to what a frame holds: one that was not UTF-8 is longer now, with its replacement characters."""
    if text is None:
        return None
    return text.encode("utf-8", "replace")[:SHORT_STRING_BYTES_MAX].decode("utf-8", "ignore")


def _foreign_headers(headers: Mapping[str, FieldValue] | None) -> dict[str, FieldValue]:
    """Keep what is plain and small: text, whole numbers, booleans."""
    kept: dict[str, FieldValue] = {}
    for name, value in (headers or {}).items():
        if len(kept) == FOREIGN_HEADERS_MAX:
            break
        is_short = isinstance(value, int) or (isinstance(value, str) and len(value) <= FOREIGN_HEADER_LENGTH_MAX)
        if is_short and not _BROKER_HEADERS.match(name):
            kept[name] = value
    return kept
