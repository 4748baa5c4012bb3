"""Bytes and headers: what a delivery carries, and what a parked message carries.

What the bytes say is the core's (``wallet_core/body.py``); here comes what only a broker can say about them. A body
that is compressed (``content_encoding``) is set aside as ``no_usable_id``. ``content_type`` is not looked at: the
neighbours do not agree on it, and the bytes decide.

A message that is parked (retry or dead letter) keeps its body bytes and who it is; our own headers say where it comes
from and how often it was tried. They are read back with suspicion: any other program may have written them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pamqp.commands import Basic
from pamqp.common import FieldValue

from wallet_core.body import BODY_BYTES_MAX, unreadable
from wallet_core.body import message_of as plain_message_of
from wallet_core.commands import SetAside
from wallet_core.fields import iso_milliseconds
from wallet_core.ledger import DEAD_LETTER_ID_LENGTH_MAX
from wallet_core.messages import Message

SHORT_STRING_BYTES_MAX = 255
"""Most bytes of a property that is text: its length stands in one byte (AMQP 0-9-1, section 4.2.5.3)."""

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
    if content_encoding and content_encoding.lower() not in _PLAIN_ENCODINGS and len(body) <= BODY_BYTES_MAX:
        return unreadable(f"content encoding {content_encoding[:60]!a} is not read: send plain UTF-8")
    return plain_message_of(body)


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


_DEAD_LETTER_ID = re.compile(rf"[0-9A-Za-z-]{{1,{DEAD_LETTER_ID_LENGTH_MAX}}}")

_KEY_MAX = 255
"""Longest routing key (AMQP 0-9-1: a short string), in bytes; ours are ASCII."""


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
