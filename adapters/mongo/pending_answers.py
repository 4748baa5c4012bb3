"""The outbox, seen by the relay: its rows, the answers that they stand for, and the lease that lets one relay work."""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from bson import Int64, ObjectId
from structlog.typing import FilteringBoundLogger

from adapters.mongo.client import Database
from adapters.mongo.documents import answer_from_document
from adapters.mongo.fields import id_to, instant
from adapters.mongo.handles import Document
from adapters.mongo.outbox_rows import READABLE, ROW_FIELDS, answer_documents, row_from_document, unreadable_rows
from adapters.mongo.repositories import MongoOutbox
from adapters.mongo.steps import StoreStep
from wallet_core.errors import ConcurrentUpdate, LedgerCorrupted
from wallet_core.events import TransactionFinalized
from wallet_core.ports import PendingRow

LEASE = "relay"
"""The one lease there is."""

BACKLOG_ROWS_MAX = 10_000
"""Rows that ``backlog`` counts at most: 30 million answers at 3,000 a row. More changes no decision and costs time."""

ROWS_CHECKED_MAX = 1_000
"""Rows among which ``backlog`` looks for one that nobody can read."""

ROWS_TOLD_MAX = 20
"""Unreadable rows that are told at most, each time."""

TOLD_MAX = 1_000
"""Unreadable documents that are remembered as told; more than that are told again."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class MongoPendingAnswers:
    """``ports.PendingAnswers`` on MongoDB."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._outbox = database.collection("outbox")
        self._transactions = database.collection("transactions")
        self._leases = database.collection("leases")
        self._observer = database.observer
        self._told: set[str] = set()

    async def hold_lease(self, holder: str, duration_ms: int) -> bool:
        """
        Take or prolong the lease by the server's clock; see ``ports.PendingAnswers.hold_lease``.

        One statement: it writes what is there already unless the lease is ours, is over, or has never been held (an
        absent field is less than every date). Two first takers at once meet on the ``_id``: the second is told no.
        """
        name = {"$literal": holder}
        is_free = {"$or": [{"$eq": ["$holder", name]}, {"$lte": ["$expiresAt", "$$NOW"]}]}
        taken = {
            "holder": {"$cond": [is_free, name, "$holder"]},
            "expiresAt": {"$cond": [is_free, {"$add": ["$$NOW", Int64(duration_ms)]}, "$expiresAt"]},
        }
        try:
            lease = await self._leases.upsert({"_id": LEASE}, [{"$set": taken}])
        except ConcurrentUpdate:
            return False
        is_ours = lease.get("holder") == holder
        if is_ours:
            self._observer.reached(StoreStep.LEASE_TAKEN)
        return is_ours

    async def release_lease(self, holder: str) -> None:
        """Give the lease back if ``holder`` has it."""
        await self._leases.delete_one({"_id": LEASE, "holder": holder})
        self._observer.reached(StoreStep.LEASE_RELEASED)

    async def pending(self, rows_max: int, after: PendingRow | None = None) -> Sequence[PendingRow]:
        """
        Give the oldest rows, or the oldest behind ``after``; what cannot be read is passed over (``backlog`` tells it).

        An ObjectId begins with the second in which it was made: close enough to the order.
        """
        behind: dict[str, object] = {} if after is None else {"_id": {"$gt": ObjectId(after.id)}}
        rows = [row_from_document(document) for document in await self._readable(behind, rows_max)]
        if rows:
            self._observer.reached(StoreStep.OUTBOX_READ, (id_ for row in rows for id_ in row.transaction_ids))
        return rows

    async def answers(self, transaction_ids: Ids[str], above_revision: int = 0) -> Mapping[str, TransactionFinalized]:
        """Give the latest recorded answers by transaction id, those of a revision above this one."""
        documents = await answer_documents(self._transactions, transaction_ids, above_revision)
        answers = {answer.transaction_id: answer for answer in map(self._answer, documents) if answer is not None}
        self._observer.reached(StoreStep.ANSWERS_READ, answers)
        return answers

    async def settle(self, row: PendingRow, unpublished: Sequence[str]) -> None:
        """Shrink a row to what is still unpublished, or remove it; one that is gone already stays gone."""
        if len(unpublished) == len(row.transaction_ids):
            return
        key = {"_id": ObjectId(row.id)}
        if unpublished:
            await self._outbox.update_one(key, {"$set": {"transactionIds": [id_to(id_) for id_ in unpublished]}})
        else:
            await self._outbox.delete_one(key)
        self._observer.reached(StoreStep.ROW_SETTLED, row.transaction_ids)

    async def put_back(self, transaction_ids: Sequence[str]) -> None:
        """Add a row, as a unit of work does, but by itself."""
        await MongoOutbox(self._outbox).add(transaction_ids)

    async def backlog(self) -> tuple[int, datetime | None]:
        """
        Count the rows, up to BACKLOG_ROWS_MAX, and give the time of the oldest that can be read.

        Tells a person of those that cannot: they wait in the outbox, and their answers do not leave.
        """
        rows = await self._outbox.count({}, rows_max=BACKLOG_ROWS_MAX)
        if not rows:
            return 0, None
        checked = min(rows, ROWS_CHECKED_MAX)
        if await self._outbox.count(READABLE, rows_max=checked) < checked:
            for row in await unreadable_rows(self._outbox, ROWS_TOLD_MAX):
                self._tell("outbox_row_unreadable", row.id, row.text)
        oldest = await self._readable({}, 1)
        return rows, instant(oldest[0], "createdAt") if oldest else None

    async def _readable(self, where: Document, rows_max: int) -> Sequence[Document]:
        """Find the oldest rows that can be read."""
        return await self._outbox.find(
            {**READABLE, **where}, projection=ROW_FIELDS, sort=[("_id", 1)], limit=rows_max, rows_expected=rows_max
        )

    def _answer(self, document: Document) -> TransactionFinalized | None:
        """Read an answer; None for one that somebody has altered: it must not stop the others."""
        try:
            return answer_from_document(document)
        except LedgerCorrupted as error:
            self._tell("answer_unreadable", str(document.get("_id")), str(error))
            return None

    def _tell(self, event: str, id_: str, error: str) -> None:
        """Tell a person, once: the relay comes by several times a second."""
        if id_ in self._told:
            return
        if len(self._told) == TOLD_MAX:
            self._told.clear()
        self._told.add(id_)
        _log.error(event, id=id_, error=error)
