"""The text of one query parameter -> its typed value.

Each function raises ValueError, whose text completes "<parameter> ..." for the client. Nothing is guessed: digits are
ASCII digits, and every text is matched as a whole before it is converted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from wallet_core.ledger import EntryKind
from wallet_core.queries import STATEMENT_ROWS_MAX

CURSOR_PATTERN = "^[1-9][0-9]{0,17}$"
"""A sequence: at most 18 digits, which is less than 2^63 and more entries than a wallet can get."""

_LIMIT = re.compile(r"[0-9]{1,3}")
_CURSOR = re.compile(CURSOR_PATTERN)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.([0-9]{1,9}))?([Zz]|[ +-][0-9]{2}:[0-9]{2})"
)
"""RFC 3339, seconds optional. A space before the offset is a ``+`` that was not written as ``%2B``."""

_NANOSECONDS_PER_MS = 1_000_000


def row_limit(text: str) -> int:
    """Read how many rows a page may have."""
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= STATEMENT_ROWS_MAX:
        raise ValueError(f"must be a whole number from 1 to {STATEMENT_ROWS_MAX}")
    return int(text)


def row_cursor(text: str) -> int:
    """Read where an earlier page ended."""
    if not _CURSOR.fullmatch(text):
        raise ValueError("must be the nextCursor of an earlier page")
    return int(text)


def entry_kind(text: str) -> EntryKind:
    """Read a type of entry."""
    try:
        return EntryKind(text)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(EntryKind)}") from None


def instant(text: str) -> datetime:
    """
    Read an instant with its offset, or a date, which is its midnight in UTC.

    The books keep whole milliseconds, so a finer instant is raised to the next one: for "from this instant on" and for
    "before this instant" alike that selects the very same entries.
    """
    try:
        return _parsed(text)
    except (ValueError, OverflowError):
        raise ValueError("must be a date (2025-01-15) or an instant with its offset (2025-01-15T10:30:00Z)") from None


def _parsed(text: str) -> datetime:
    if _DATE.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    parts = _INSTANT.fullmatch(text)
    if parts is None:
        raise ValueError("neither a date nor an instant")
    date, time, fraction, offset = parts.groups()
    second = datetime.fromisoformat(f"{date}T{time}{offset.upper().replace(' ', '+')}").astimezone(UTC)
    nanoseconds = int((fraction or "").ljust(9, "0"))
    return second + timedelta(milliseconds=-(-nanoseconds // _NANOSECONDS_PER_MS))
