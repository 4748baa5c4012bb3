"""Typed fields of a document: each function reads one, and raises LedgerCorrupted when it is absent or of another type.

``optional_*`` give None for an absent field. Ids are text in the core and ObjectIds in the database when they are 24
hex digits; the core writes those in lower case, so both ways lose nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from bson import ObjectId

from adapters.mongo.handles import Document
from wallet_core.errors import LedgerCorrupted

T = TypeVar("T")

IDS_CACHED_MAX = 16_384
"""Ids whose stored form is kept, some 4 MB: a batch of 3,000 transfers writes each of its ids five times over."""

RUN_AUDIT = ": run 'wallet audit' to see which document"
"""How an error about a stored field ends. The audit knows which document it is, and leaves this away."""

_EPOCH, _EPOCH_IN_UTC = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)  # noqa: DTZ001 - as the driver gives it

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")


@lru_cache(maxsize=IDS_CACHED_MAX)
def id_to(identifier: str) -> ObjectId | str:
    """Give the stored form of an id."""
    return ObjectId(identifier) if _OBJECT_ID.fullmatch(identifier) else identifier


def id_from(value: object, name: str) -> str:
    """Give an id from its stored form; ``name`` is for the error."""
    if isinstance(value, ObjectId):
        return value.binary.hex()
    if isinstance(value, str):
        return value
    raise _wrong(value, name)


def identifier(document: Document, name: str) -> str:
    """Read an id."""
    value = document.get(name)
    return value.binary.hex() if isinstance(value, ObjectId) else id_from(value, name)


def optional_identifier(document: Document, name: str) -> str | None:
    """Read an id that may be absent."""
    return identifier(document, name) if name in document else None


def integer(document: Document, name: str) -> int:
    """Read a whole number."""
    value = document.get(name)
    if isinstance(value, int) and value is not True and value is not False:
        return int(value)
    raise _wrong(value, name)


def optional_integer(document: Document, name: str) -> int | None:
    """Read a whole number that may be absent."""
    return integer(document, name) if name in document else None


def text(document: Document, name: str) -> str:
    """Read a text."""
    value = document.get(name)
    if isinstance(value, str):
        return value
    raise _wrong(value, name)


def optional_text(document: Document, name: str) -> str | None:
    """Read a text that may be absent."""
    return text(document, name) if name in document else None


def member(members: Mapping[str, T], document: Document, name: str) -> T:
    """Read a text that stands for one of ``members``. A dict, because calling an enum takes five times as long."""
    value = document.get(name)
    if isinstance(value, str) and value in members:
        return members[value]
    raise LedgerCorrupted(f"stored field {name} holds {text(document, name)[:40]!r}{RUN_AUDIT}")


def instant(document: Document, name: str) -> datetime:
    """Read an instant."""
    value = document.get(name)
    if isinstance(value, datetime):
        return in_utc(value)
    raise _wrong(value, name)


def optional_instant(document: Document, name: str) -> datetime | None:
    """Read an instant that may be absent."""
    return instant(document, name) if name in document else None


def in_utc(stored: datetime) -> datetime:
    """
    Say of an instant that it is in UTC: the driver gives it without a zone.

    By two sums: ``datetime.replace`` takes six times as long, and an audit reads four million of them.
    """
    return _EPOCH_IN_UTC + (stored - _EPOCH)


def flag(document: Document, name: str) -> bool:
    """Read a boolean; an absent one is false."""
    value = document.get(name, False)
    if isinstance(value, bool):
        return value
    raise _wrong(value, name)


def binary(document: Document, name: str) -> bytes:
    """Read bytes."""
    value = document.get(name)
    if isinstance(value, bytes):
        return value
    raise _wrong(value, name)


def subdocument(document: Document, name: str) -> Document:
    """Read a document inside the document."""
    value = document.get(name)
    if isinstance(value, dict):
        return value
    raise _wrong(value, name)


def subdocuments(document: Document, name: str) -> list[Document]:
    """Read an array of documents; an absent one is empty."""
    if name not in document:
        return []
    values = document[name]
    if not isinstance(values, list):
        raise _wrong(values, name)
    for value in values:
        if not isinstance(value, dict):
            raise _wrong(values, name)
    return values


def texts_of_ids(document: Document, name: str) -> tuple[str, ...]:
    """Read an array of ids."""
    values = document.get(name)
    if isinstance(values, list):
        return tuple(id_from(value, name) for value in values)
    raise _wrong(values, name)


def _wrong(value: object, name: str) -> LedgerCorrupted:
    found = "missing" if value is None else f"a {type(value).__name__}"
    return LedgerCorrupted(f"stored field {name} is {found}{RUN_AUDIT}")
