"""Typed fields of a document: each function reads one, and raises LedgerCorrupted when it is absent or of another type.

``optional_*`` give None for an absent field. Ids are text in the core and ObjectIds in the database when they are 24
hex digits; the core writes those in lower case, so both ways lose nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TypeVar

from bson import ObjectId

from adapters.mongo.handles import Document
from wallet_core.errors import LedgerCorrupted

T = TypeVar("T")

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")


def id_to(identifier: str) -> ObjectId | str:
    """Give the stored form of an id."""
    return ObjectId(identifier) if _OBJECT_ID.fullmatch(identifier) else identifier


def id_from(value: object, name: str) -> str:
    """Give an id from its stored form; ``name`` is for the error."""
    if isinstance(value, ObjectId):
        return str(value)
    return _checked(value, str, name)


def identifier(document: Document, name: str) -> str:
    """Read an id."""
    return id_from(document.get(name), name)


def optional_identifier(document: Document, name: str) -> str | None:
    """Read an id that may be absent."""
    return identifier(document, name) if name in document else None


def integer(document: Document, name: str) -> int:
    """Read a whole number."""
    value = document.get(name)
    if isinstance(value, bool):
        raise _wrong(value, name)
    return int(_checked(value, int, name))


def optional_integer(document: Document, name: str) -> int | None:
    """Read a whole number that may be absent."""
    return integer(document, name) if name in document else None


def text(document: Document, name: str) -> str:
    """Read a text."""
    return _checked(document.get(name), str, name)


def optional_text(document: Document, name: str) -> str | None:
    """Read a text that may be absent."""
    return text(document, name) if name in document else None


def instant(document: Document, name: str) -> datetime:
    """Read an instant; the client gives them aware, in UTC."""
    return _checked(document.get(name), datetime, name)


def optional_instant(document: Document, name: str) -> datetime | None:
    """Read an instant that may be absent."""
    return instant(document, name) if name in document else None


def binary(document: Document, name: str) -> bytes:
    """Read bytes."""
    return _checked(document.get(name), bytes, name)


def subdocument(document: Document, name: str) -> Document:
    """Read a document inside the document."""
    return _checked(document.get(name), dict, name)


def subdocuments(document: Document, name: str) -> list[Document]:
    """Read an array of documents; an absent one is empty."""
    values = _checked(document.get(name, []), list, name)
    return [_checked(value, dict, name) for value in values]


def texts_of_ids(document: Document, name: str) -> tuple[str, ...]:
    """Read an array of ids."""
    return tuple(id_from(value, name) for value in _checked(document.get(name), list, name))


def _checked(value: object, kind: type[T], name: str) -> T:
    if isinstance(value, kind):
        return value
    raise _wrong(value, name)


def _wrong(value: object, name: str) -> LedgerCorrupted:
    found = "missing" if value is None else f"a {type(value).__name__}"
    return LedgerCorrupted(f"stored field {name} is {found}: run 'wallet audit' to see which document")
