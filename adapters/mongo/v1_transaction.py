"""What becomes of one transaction of v1's transactions service: a legacy record, or nothing. Decided without I/O.

v1's books say nothing of what was applied; its transactions service does (``mint_txns.transactions``): ``{_id, type,
userId | fromUserId + toUserId, amount, status, reason}``.

======================  ============================================================================================
``status``              what we record
======================  ============================================================================================
Completed               applied before us: v1 has answered so, and the answer was read
Failed                  refused before us, with its ``reason``
Pending, Processing     undecided: v1 may have applied it without its answer being read. Nothing if it was created after
                        v1 had stopped
anything else           undecided
======================  ============================================================================================

The fields are read by the very function that reads a ``completed``, from the message that v1 would send, so that both
have one fingerprint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bson import ObjectId

from adapters.mongo.handles import Document
from wallet_core.commands import Linked, Refuse
from wallet_core.events import FinalStatus
from wallet_core.fields import iso_milliseconds, readable_text, shown
from wallet_core.ledger import TransactionRecord
from wallet_core.legacy import settled, undecided_record
from wallet_core.messages import REASON_LENGTH_MAX, Subject, request_of
from wallet_core.policy import Policy

FIELDS_READ = ("type", "userId", "fromUserId", "toUserId", "amount", "status", "reason")
"""Everything that is read of a transaction besides its id (contract)."""

KNOWN_ONES: Document = {
    "status": {"$in": ["Pending", "Processing", "Completed", "Failed"]},
    "type": {"$in": ["TopUp", "Transfer", "topup", "transfer"]},
}
"""Finds transactions whose status and type are those of v1's transactions service, in either spelling (contract)."""

_FINAL = {"Completed": FinalStatus.COMPLETED, "Failed": FinalStatus.FAILED}
_PARTIES = ("userId", "fromUserId", "toUserId")


@dataclass(frozen=True, slots=True)
class Settled:
    """It ended before us. ``unreadable`` says what of it makes no sense to us, if anything does not."""

    record: TransactionRecord
    unreadable: str | None

    @property
    def transaction_id(self) -> str:
        """The transaction's id."""
        return self.record.id


@dataclass(frozen=True, slots=True)
class Undecided:
    """It was on its way. ``text`` is what a person should know about it."""

    record: TransactionRecord
    text: str

    @property
    def transaction_id(self) -> str:
        """The transaction's id."""
        return self.record.id


@dataclass(frozen=True, slots=True)
class Later:
    """It was created after v1 had stopped, so v1 cannot have applied it: ours, when its time comes."""

    transaction_id: str


@dataclass(frozen=True, slots=True)
class Left:
    """It cannot be recorded, and why."""

    transaction_id: str
    reason: str


Decision = Settled | Undecided | Later | Left


def decide(document: Document, policy: Policy, v1_stopped_at: datetime | None, now: datetime) -> Decision:
    """Decide about a transaction. Without ``v1_stopped_at`` v1 may have applied whatever is not final."""
    message = _message(document)
    request = request_of(Subject.COMPLETED, message, policy.currency)
    if not isinstance(document.get("_id"), ObjectId) or not isinstance(request, Linked):
        return Left(_plain(message.get("transactionId")), "its _id is no ObjectId, and no service of v1 takes another")
    record = undecided_record(request, policy, now)
    stored = document.get("status")
    status = _FINAL.get(stored) if type(stored) is str else None  # bson.Code("Completed") is a text, too
    if status is not None:
        reason = readable_text(document.get("reason"), REASON_LENGTH_MAX)
        return Settled(settled(record, status, reason, now), _objection(request))
    created_at = ObjectId(record.id).generation_time
    if v1_stopped_at is not None and created_at > v1_stopped_at:
        return Later(record.id)
    what = " ".join(_plain(value) for value in (document.get("type"), message.get("amount"), document.get("status")))
    return Undecided(record, f"{what}, created {iso_milliseconds(created_at)}")


def _message(document: Document) -> dict[str, object]:
    """Give the ``completed`` that v1 would send: ids as text, numbers as JavaScript writes them, nothing for null."""
    message = {name: _text_of_id(document.get(name)) for name in ("type", *_PARTIES)}
    message["transactionId"] = _text_of_id(document.get("_id"))
    message["amount"] = _json_number(document.get("amount"))
    return {name: value for name, value in message.items() if value is not None}


def _text_of_id(value: object) -> object:
    return str(value) if isinstance(value, ObjectId) else value


def _json_number(value: object) -> object:
    """Give a double as the shortest decimal that stands for it, which is what JSON shows; NaN is null there."""
    if not isinstance(value, float):
        return value
    return Decimal(repr(value)) if math.isfinite(value) else None


def _objection(request: Linked) -> str | None:
    return request.objection.reason if isinstance(request.objection, Refuse) else None


def _plain(value: object) -> str:
    """Show a foreign value to a person; ordinary words without quotes."""
    return value if isinstance(value, str) and value.isascii() and value.isalnum() else shown(value)
