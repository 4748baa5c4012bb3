"""The readers of our answers, as an oracle: what the transactions service makes of the bytes that we publish.

``V1Reader`` does what the running v1 service does: it parses strictly, casts the id to an ObjectId, and keeps the last
answer it reads about a transaction. A body that it cannot read would go back into its queue for ever: here that is an
``UnreadableAnswer``. ``DocumentedReader`` holds a body to the system's documents. Every test that publishes answers
lets one of them read each body.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import NoReturn

_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
_ISO_UTC_MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_DOCUMENTED_FIELDS: dict[str, type] = {
    "transactionId": str,
    "status": str,
    "reason": str,
    "userId": str,
    "success": bool,
    "finalizedAt": str,
    "revision": int,
}
_DOCUMENTED_OPTIONAL = {"reason", "userId", "revision"}


class UnreadableAnswer(Exception):
    """A reader cannot make sense of a body."""


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What a reader understood: whether the transaction completed, and if not, why."""

    transaction_id: str
    is_completed: bool
    reason: str | None


@dataclass(slots=True)
class V1Reader:
    """The transactions service of v1. ``last`` is what it believes, by ObjectId; ``seen`` counts the bodies read."""

    last: dict[str, ReadAnswer] = field(default_factory=dict)
    seen: int = 0

    def read(self, body: bytes) -> ReadAnswer:
        """Read one body. Raises UnreadableAnswer where v1 would put the message back for ever."""
        message = _object(body)
        transaction_id = message.get("transactionId")
        if not isinstance(transaction_id, str) or not _OBJECT_ID.fullmatch(transaction_id):
            _unreadable("transactionId is not the text of an ObjectId", body)
        if message.get("status") not in ("Completed", "Failed"):
            _unreadable("status is neither Completed nor Failed", body)
        if "reason" in message and not isinstance(message["reason"], str):
            _unreadable("reason is there and is not text", body)
        reason = str(message["reason"]) if "reason" in message else None
        answer = ReadAnswer(transaction_id.lower(), message["status"] == "Completed", reason)
        self.last[answer.transaction_id] = answer
        self.seen += 1
        return answer


@dataclass(slots=True)
class DocumentedReader:
    """A reader by the documents, the union of their two pages. ``last`` and ``seen`` are as in ``V1Reader``."""

    last: dict[str, ReadAnswer] = field(default_factory=dict)
    seen: int = 0

    def read(self, body: bytes) -> ReadAnswer:
        """Read one body. Raises UnreadableAnswer where a field is missing, unknown, null, or of another shape."""
        message = _object(body)
        _check_fields(message, body)
        transaction_id, status, reason = message["transactionId"], message["status"], message.get("reason")
        if status not in ("completed", "failed"):
            _unreadable("status is neither completed nor failed", body)
        if message["success"] is not (status == "completed"):
            _unreadable("success does not say what status says", body)
        if ("reason" in message) is not (status == "failed"):
            _unreadable("reason belongs to a failed answer, and to no other", body)
        if not _ISO_UTC_MILLISECONDS.fullmatch(str(message["finalizedAt"])):
            _unreadable("finalizedAt is not an instant in UTC with milliseconds", body)
        answer = ReadAnswer(str(transaction_id), status == "completed", None if reason is None else str(reason))
        self.last[answer.transaction_id] = answer
        self.seen += 1
        return answer


Reader = V1Reader | DocumentedReader


def _check_fields(message: dict[str, object], body: bytes) -> None:
    """Hold every field to the documents: known, of its type (null is of none), and there unless it is optional."""
    for name, value in message.items():
        if type(value) is not _DOCUMENTED_FIELDS.get(name):
            _unreadable(f"{name} is unknown or of another type", body)
    if missing := _DOCUMENTED_FIELDS.keys() - _DOCUMENTED_OPTIONAL - message.keys():
        _unreadable(f"{sorted(missing)} missing", body)


def _object(body: bytes) -> dict[str, object]:
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except ValueError as error:
        _unreadable(f"not JSON in UTF-8 ({error})", body)
    if not isinstance(message, dict):
        _unreadable("not an object", body)
    return message


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _unreadable(why: str, body: bytes) -> NoReturn:
    msg = f"{why}: {body!r}"
    raise UnreadableAnswer(msg)
