"""The fields of messages, one at a time: an id, an instant, a text, and what to do with a value that is none of them.

Total functions: whatever value a field holds, they return; what cannot be read is None.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

from wallet_core.ledger import to_milliseconds

_USABLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OBJECT_ID = re.compile(r"[0-9A-Fa-f]{24}")


def usable_id(value: object) -> str | None:
    """
    Read an id: 1-64 of ``[A-Za-z0-9_-]``, a 24-hex one in lower case; anything else is None.

    >>> usable_id("507F1F77BCF86CD799439011")
    '507f1f77bcf86cd799439011'
    >>> usable_id({"$gt": ""}) is None
    True
    """
    if not isinstance(value, str) or not _USABLE_ID.fullmatch(value):
        return None
    return value.lower() if is_object_id(value) else value


def is_object_id(identifier: str) -> bool:
    """Tell whether an id is 24 hex digits, the only kind that a v1 reader takes."""
    return _OBJECT_ID.fullmatch(identifier) is not None


def iso_milliseconds(instant: datetime) -> str:
    """Write an instant as the contract does: ISO 8601 in UTC with milliseconds and ``Z``."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def readable_text(value: object, length_max: int) -> str | None:
    """Read a text for people: cut to its limit, lone surrogates (which no UTF-8 can carry) replaced; else None."""
    if not isinstance(value, str) or not value:
        return None
    return value[:length_max].encode("utf-8", "replace").decode("utf-8")


def readable_instant(value: object) -> datetime | None:
    """Read an ISO 8601 instant; what is no instant, or has no offset, is None: no rule depends on it."""
    if not isinstance(value, str) or len(value) > len("2025-01-15T11:00:05.000000000+00:00"):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return to_milliseconds(instant) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def raw_hash(value: object) -> dict[str, str] | None:
    """Hash a token that could not be read, bounded in size whatever it is; None when it is absent."""
    return None if value is None else {"raw": sha256(token_of(value).encode("ascii")).hexdigest()}


def token_of(value: object) -> str:
    """Write any value as text, other values as other texts: a number is its digits, a text stands in quotes."""
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(Decimal(value))
    try:
        return json.dumps(value, sort_keys=True, default=lambda number: {"number": str(number)})
    except (RecursionError, TypeError, ValueError):
        return f"unreadable {type(value).__name__}"


def shown(value: object) -> str:
    """Show a foreign value to a person, at most 60 characters of it, ASCII only."""
    token = "missing" if value is None else token_of(value)
    return token if len(token) <= 60 else f"{token[:57]}..."  # noqa: PLR2004 - named in the docstring
