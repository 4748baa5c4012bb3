"""What a person sees of the outbox of a real database."""

import time

import pytest
from bson import ObjectId
from pymongo import MongoClient

from adapters.mongo import backlog as view
from adapters.mongo.backlog import backlog
from adapters.mongo.client import Database
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.fixtures.driver import over_both_drivers
from tests.history import APPLIED, REFUSED, SENT, SPENT, TAKEN_BACK, TOMBSTONE, live

Client = MongoClient[dict[str, object]]


async def test_an_empty_outbox_says_so(database: Database) -> None:
    """Nothing waits, and no relay has ever been there."""
    seen = await backlog(database, 10)

    assert (0, 0, 0, None, []) == (seen.rows, seen.transactions, seen.age_s, seen.lease, list(seen.oldest))


@over_both_drivers
@pytest.mark.parametrize("rows_read", [1, 20])
async def test_what_waits_is_shown_oldest_first(
    database: Database, rows_read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and transactions are counted, and the oldest answers given with what the relay will publish."""
    monkeypatch.setattr(view, "ROWS_READ", rows_read)
    await live(MongoUnitOfWork(database))

    few, many = await backlog(database, 2), await backlog(database, 100)

    by_id = {waiting.transaction_id: waiting for waiting in many.oldest}
    assert (4, 8, 8) == (many.rows, many.transactions, len(many.oldest))
    assert [APPLIED, SENT] == [waiting.transaction_id for waiting in few.oldest]
    assert {APPLIED, SENT, REFUSED, TOMBSTONE, TAKEN_BACK, SPENT} <= set(by_id)
    assert (answer := by_id[TAKEN_BACK].answer) is not None
    assert (2, "failed") == (answer.revision, answer.status.value)
    assert by_id[APPLIED].row_id == by_id[SENT].row_id != by_id[SPENT].row_id


async def test_an_answer_that_is_not_there_is_shown_as_such(database: Database, mongo_client: Client) -> None:
    """Neither a transaction that nobody knows nor an answer that nobody can read ends the look."""
    await live(MongoUnitOfWork(database))
    books = mongo_client[database.name]
    books["transactions"].delete_one({"_id": ObjectId(APPLIED)})
    unreadable = {"q": {"_id": ObjectId(SENT)}, "u": {"$set": {"answer.status": "maybe"}}}
    books.command({"update": "transactions", "updates": [unreadable], "bypassDocumentValidation": True})

    seen = await backlog(database, 3)

    assert [(APPLIED, True), (SENT, True), (REFUSED, False)] == [
        (waiting.transaction_id, waiting.answer is None) for waiting in seen.oldest
    ]


@over_both_drivers
async def test_the_lease_is_shown_by_the_clock_of_the_database(database: Database) -> None:
    """While a relay holds the lease its end is ahead of now; when it is over it is not."""
    pending = MongoPendingAnswers(database)
    await pending.hold_lease("here", 60_000)
    held = await backlog(database, 1)
    await pending.hold_lease("here", 1)
    give_up_at_s = time.monotonic() + 10
    while (over := await backlog(database, 1)).lease is None or over.lease.expires_at > over.now:
        assert time.monotonic() < give_up_at_s

    assert held.lease is not None
    assert "here" == held.lease.holder == over.lease.holder
    assert held.lease.expires_at > held.now


async def test_more_rows_than_can_be_counted_are_not(
    database: Database, mongo_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count stops at its bound, whatever the size of the outbox."""
    monkeypatch.setattr(view, "BACKLOG_ROWS_MAX", 3)
    await live(MongoUnitOfWork(database))

    seen = await backlog(database, 100)

    assert (3, 8) == (seen.rows, len(seen.oldest))
