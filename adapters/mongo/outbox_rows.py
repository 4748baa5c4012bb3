"""Rows of the outbox, told apart by the server: those that a relay can read, and those that somebody has altered.

The server looks first, so a row that no driver could decode is never fetched: it holds up nobody, and is named all the
same. Bounds: an altered row is described by its types and sizes, whatever is in it.
"""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bson import Int64, ObjectId

from adapters.mongo.collection import Collection
from adapters.mongo.fields import id_to, instant, text, texts_of_ids
from adapters.mongo.handles import Document
from adapters.mongo.schemas import DATE, OBJECT_ID, ROW_IDS_MAX
from wallet_core.errors import LedgerCorrupted, StoreRejected
from wallet_core.ports import PendingRow

_WAITING: Document = {
    "bsonType": "array",
    "minItems": 1,
    "maxItems": ROW_IDS_MAX,
    "items": {"bsonType": ["objectId", "string"], "pattern": "^[A-Za-z0-9_-]{1,64}$"},
}
READABLE: Document = {
    "$jsonSchema": {
        "required": ["_id", "transactionIds", "createdAt"],
        "properties": {"_id": OBJECT_ID, "transactionIds": _WAITING, "createdAt": DATE},
    },
    "createdAt": {"$gte": datetime(1, 1, 1, tzinfo=UTC), "$lte": datetime(9999, 12, 31, tzinfo=UTC)},
}
"""Finds the rows that can be read. As the validator, but a field more is no reason to tell nobody."""

ROW_FIELDS: Document = {"transactionIds": 1, "createdAt": 1}
"""What is read of a row, beside its ``_id``."""

_SHAPE: Document = {
    "_id": {"$convert": {"input": "$_id", "to": "string", "onError": "?", "onNull": "null"}},
    "idType": {"$type": "$_id"},
    "createdAt": {"$type": "$createdAt"},
    "transactionIds": {
        "$cond": [
            {"$isArray": "$transactionIds"},
            {"$concat": ["array of ", {"$toString": {"$size": "$transactionIds"}}]},
            {"$type": "$transactionIds"},
        ]
    },
}


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that somebody has altered: it waits for a person. ``text`` says what it is and what it must be."""

    id: str
    text: str


def row_from_document(document: Document) -> PendingRow:
    """Read a row. Raises LedgerCorrupted, also for one that no relay could settle."""
    id_ = document["_id"]
    if not isinstance(id_, ObjectId):
        raise LedgerCorrupted("its _id is no ObjectId")
    waiting = texts_of_ids(document, "transactionIds")
    if not 1 <= len(waiting) <= ROW_IDS_MAX:
        raise LedgerCorrupted(f"it names {len(waiting)} transactions instead of 1 to {ROW_IDS_MAX}")
    return PendingRow(str(id_), waiting, instant(document, "createdAt"))


async def unreadable_rows(outbox: Collection, rows_max: int) -> Sequence[UnreadableRow]:
    """Name the first rows that cannot be read; looks at every row, if there are fewer. Raises StoreUnavailable."""
    shapes = await outbox.find(
        {"$nor": [READABLE]}, projection=_SHAPE, sort=[("_id", 1)], limit=rows_max, rows_expected=rows_max
    )
    return [UnreadableRow(text(shape, "_id"), _described(shape)) for shape in shapes]


async def answer_documents(
    transactions: Collection, transaction_ids: Ids[str], above_revision: int = 0
) -> Sequence[Document]:
    """
    Give ``_id`` and ``answer`` of the transactions whose answer has a revision above this one; with 0, of all known.

    Where one of them cannot even be decoded each is asked for by itself, and that one is left away: the audit stops at
    it. Raises StoreUnavailable.
    """
    ids = [id_to(id_) for id_ in transaction_ids]
    newer: Document = {"answer.revision": {"$gt": Int64(above_revision)}} if above_revision else {}
    try:
        return await _answers_of(transactions, ids, newer)
    except StoreRejected:
        found: list[Document] = []
    for id_ in ids:
        try:
            found += await _answers_of(transactions, [id_], newer)
        except StoreRejected:
            continue
    return found


async def _answers_of(transactions: Collection, ids: Sequence[object], newer: Document) -> Sequence[Document]:
    return await transactions.find({"_id": {"$in": ids}, **newer}, projection={"answer": 1}, rows_expected=len(ids))


def _described(shape: Document) -> str:
    return (
        f"its _id is of type {shape['idType']}, its createdAt of {shape['createdAt']}, its transactionIds of "
        f"{shape['transactionIds']}: they must be objectId, date, and array of 1 to {ROW_IDS_MAX} ids"
    )
