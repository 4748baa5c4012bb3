"""What waits in the outbox, and which relay is to publish it: a look from outside, for a person.

Bounds: BACKLOG_ROWS_MAX rows are counted at most, and no more rows are read than hold the answers asked for. It is a
look, not a snapshot: what is published meanwhile may still show.
"""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo.errors import PyMongoError

from adapters.mongo.client import Database
from adapters.mongo.documents import answer_from_document
from adapters.mongo.errors import core_error
from adapters.mongo.fields import instant, integer, subdocument, subdocuments, text
from adapters.mongo.outbox_rows import (
    READABLE,
    ROW_FIELDS,
    UnreadableRow,
    answer_documents,
    row_from_document,
    unreadable_rows,
)
from adapters.mongo.pending_answers import BACKLOG_ROWS_MAX, LEASE
from wallet_core.errors import LedgerCorrupted
from wallet_core.events import TransactionFinalized

ROWS_READ = 20
"""Rows that are read together: of the largest size, 20 MB as Python's objects."""

UNREADABLE_MAX = 100
"""Rows that cannot be read that are named at most."""


@dataclass(frozen=True, slots=True)
class WaitingAnswer:
    """A transaction in a row of the outbox, and its answer; None if none can be read: the audit says why."""

    transaction_id: str
    answer: TransactionFinalized | None
    row_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """Which relay may publish, and until when by the clock of the database."""

    holder: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """
    What waits at ``now`` (by the clock of the database).

    ``rows`` and the ``transactions`` in them are counted up to BACKLOG_ROWS_MAX rows; one that changed twice is in two.
    ``oldest`` are the first answers; ``lease`` is None when no relay has one. ``unreadable`` are rows that somebody has
    altered, the first UNREADABLE_MAX: no relay publishes them.
    """

    now: datetime
    rows: int
    transactions: int
    lease: Lease | None
    oldest: Sequence[WaitingAnswer]
    unreadable: Sequence[UnreadableRow]

    @property
    def age_s(self) -> int:
        """Age of the oldest row in whole seconds; 0 when there is none."""
        return max(0, int((self.now - self.oldest[0].since).total_seconds())) if self.oldest else 0


async def backlog(database: Database, answers_max: int) -> Backlog:
    """Look at the outbox, and at its oldest answers, at least one. Raises StoreUnavailable and LedgerCorrupted."""
    oldest = await _oldest(database, max(1, answers_max))
    try:
        hello = await database.command({"hello": 1})
        rows, transactions = await _counts(database)
    except PyMongoError as error:
        raise core_error(error, "outbox") from error
    leases = await database.collection("leases").find({"_id": LEASE}, rows_expected=1)
    lease = Lease(text(leases[0], "holder"), instant(leases[0], "expiresAt")) if leases else None
    # What a command replies has no time zone: it is not decoded with the options of the collections.
    now = instant(hello, "localTime").replace(tzinfo=UTC)
    unreadable = await unreadable_rows(database.collection("outbox"), UNREADABLE_MAX)
    return Backlog(now, rows, transactions, lease, oldest, unreadable)


async def _oldest(database: Database, answers_max: int) -> Sequence[WaitingAnswer]:
    outbox = database.collection("outbox")
    waiting: list[tuple[str, str, datetime]] = []
    query = READABLE
    while len(waiting) < answers_max and (
        page := await outbox.find(
            query, projection=ROW_FIELDS, sort=[("_id", 1)], limit=ROWS_READ, rows_expected=ROWS_READ
        )
    ):
        for row in map(row_from_document, page):
            waiting += [(id_, row.id, row.created_at) for id_ in row.transaction_ids]
        query = {**READABLE, "_id": {"$gt": page[-1]["_id"]}}
    waiting = waiting[:answers_max]
    answers = await _answers(database, {id_ for id_, _, _ in waiting})
    return [WaitingAnswer(id_, answers.get(id_), row_id, since) for id_, row_id, since in waiting]


async def _answers(database: Database, transaction_ids: Ids[str]) -> Mapping[str, TransactionFinalized]:
    """Give the answers that can be read, by transaction id."""
    documents = await answer_documents(database.collection("transactions"), transaction_ids)
    answers: dict[str, TransactionFinalized] = {}
    for document in documents:
        with suppress(LedgerCorrupted):
            if (answer := answer_from_document(document)) is not None:
                answers[answer.transaction_id] = answer
    return answers


async def _counts(database: Database) -> tuple[int, int]:
    """Count rows and transactions on the server: the ids of a large outbox need not travel."""
    transactions = {"$sum": {"$cond": [{"$isArray": "$transactionIds"}, {"$size": "$transactionIds"}, 0]}}
    pipeline = [
        {"$sort": {"_id": 1}},
        {"$limit": BACKLOG_ROWS_MAX},
        {"$group": {"_id": None, "rows": {"$sum": 1}, "transactions": transactions}},
    ]
    reply = await database.command({"aggregate": "outbox", "pipeline": pipeline, "cursor": {}})
    for counted in subdocuments(subdocument(reply, "cursor"), "firstBatch"):
        return integer(counted, "rows"), integer(counted, "transactions")
    return 0, 0
