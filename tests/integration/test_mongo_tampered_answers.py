"""Answers and outbox rows that somebody has altered by hand: they wait for a person, and hold up nobody else."""

import time
from datetime import UTC, datetime

import pytest
from bson import Binary, Int64, ObjectId, encode
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from adapters.mongo.audit import MongoAudit
from adapters.mongo.backlog import backlog
from adapters.mongo.client import Database
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.history import APPLIED, SENT, live
from wallet_core import Relay
from wallet_core.audit import Check
from wallet_core.memory import ManualClock, MemoryBus
from wallet_core.relay import ROWS_PER_ROUND_MAX

Client = MongoClient[dict[str, object]]

ROUNDS = 20

ANSWERS = 7
"""What the lived-in books have to tell."""

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [ObjectId(APPLIED)]
FIRST = ObjectId("0" * 24)
DAMAGED: dict[str, dict[str, object]] = {
    "an id that is text": {"_id": "abc", "transactionIds": IDS, "createdAt": NOW},
    "an id that is the text of one": {"_id": "0" * 24, "transactionIds": IDS, "createdAt": NOW},
    "an id that is a number": {"_id": 1, "transactionIds": IDS, "createdAt": NOW},
    "an id that is a document": {"_id": {"a": 1}, "transactionIds": IDS, "createdAt": NOW},
    "an id that is no number": {"_id": float("nan"), "transactionIds": IDS, "createdAt": NOW},
    "an id that is nothing": {"_id": None, "transactionIds": IDS, "createdAt": NOW},
    "no transaction": {"_id": FIRST, "transactionIds": [], "createdAt": NOW},
    "a transaction that is a number": {"_id": FIRST, "transactionIds": [5], "createdAt": NOW},
    "a text of transactions": {"_id": FIRST, "transactionIds": "x", "createdAt": NOW},
    "no transactions": {"_id": FIRST, "createdAt": NOW},
    "no time": {"_id": FIRST, "transactionIds": IDS},
    "a number as time": {"_id": FIRST, "transactionIds": IDS, "createdAt": Int64(5)},
    "a time behind all years": {"_id": FIRST, "transactionIds": IDS, "createdAt": DatetimeMS(10**16)},
    "more transactions than a row has": {"_id": FIRST, "transactionIds": IDS * 10_001, "createdAt": NOW},
}
"""Rows of the outbox that a person with all rights can make; each stands before the others."""

UNDECODABLE: dict[str, dict[str, object]] = {
    "an id that is half a UUID": {"_id": Binary(b"x", 4), "transactionIds": IDS, "createdAt": NOW},
    "a transaction that is half a UUID": {"_id": FIRST, "transactionIds": [Binary(b"x", 4)], "createdAt": NOW},
    "half a UUID as time": {"_id": FIRST, "transactionIds": IDS, "createdAt": Binary(b"x", 4)},
}
"""Rows that the driver cannot decode."""


def altered(books: Client, database: Database, collection: str, document_id: object, **fields: object) -> None:
    """Alter a document past its validator, as a person with all rights can."""
    update = {"q": {"_id": document_id}, "u": {"$set": fields}}
    books[database.name].command({"update": collection, "updates": [update], "bypassDocumentValidation": True})


async def published(database: Database) -> set[str]:
    """Run a relay for some rounds; give the transactions whose answers went out."""
    bus = MemoryBus(ManualClock())
    pending = MongoPendingAnswers(database)
    relay = Relay(pending, bus, "relay-1", time.monotonic)
    for _ in range(ROUNDS):
        await pending.backlog()
        await relay.publish_pending()
    return {str(message.message_id) for message in bus.published}


async def test_an_altered_answer_stays_in_the_outbox_and_the_others_go_out(
    database: Database, mongo_client: Client
) -> None:
    """The relay does not end over it, publishes what it can read, and keeps what it cannot."""
    await live(MongoUnitOfWork(database))
    altered(mongo_client, database, "transactions", ObjectId(SENT), **{"answer.status": "maybe"})

    went_out = await published(database)

    left = [row["transactionIds"] for row in mongo_client[database.name]["outbox"].find()]
    assert [[ObjectId(SENT)]] == left
    assert ANSWERS - 1 == len(went_out)


@pytest.mark.parametrize(
    "row", [{"transactionIds": ["x"], "createdAt": "yesterday"}, {"transactionIds": [], "createdAt": NOW}]
)
async def test_altered_rows_are_passed_over_however_many_there_are(
    database: Database, mongo_client: Client, row: dict[str, object]
) -> None:
    """What stands behind more unreadable rows than a round reads is published all the same."""
    outbox = mongo_client[database.name]["outbox"]
    for _ in range(ROWS_PER_ROUND_MAX + 1):
        outbox.insert_one({**row, "_id": ObjectId()}, bypass_document_validation=True)
    await live(MongoUnitOfWork(database))

    went_out = await published(database)

    assert ANSWERS == len(went_out)
    assert ROWS_PER_ROUND_MAX + 1 == outbox.count_documents({})


@pytest.mark.parametrize("row", [*DAMAGED.values(), *UNDECODABLE.values()], ids=[*DAMAGED, *UNDECODABLE])
async def test_no_row_ends_the_relay_or_stops_it(
    database: Database, mongo_client: Client, row: dict[str, object]
) -> None:
    """Whatever is in a row, all others are published, the row stays, and ``wallet outbox`` names it alone."""
    await live(MongoUnitOfWork(database))
    outbox = mongo_client[database.name]["outbox"]
    outbox.insert_one(row, bypass_document_validation=True)
    waiting = await backlog(database, 100)

    went_out = await published(database)

    left = await backlog(database, 100)
    assert ANSWERS == len(went_out)
    assert (1, 1) == (outbox.count_documents({}), left.rows)
    assert 1 == len(left.unreadable)
    assert waiting.unreadable == left.unreadable
    assert (8, 0) == (len(waiting.oldest), len(left.oldest))


async def test_a_row_that_is_no_text_at_all_is_passed_over(database: Database, mongo_client: Client) -> None:
    """Bytes that are no UTF-8 in the place of an id stop nobody either."""
    await live(MongoUnitOfWork(database))
    outbox = mongo_client[database.name]["outbox"]
    row: dict[str, object] = {"_id": FIRST, "transactionIds": ["QQ"], "createdAt": NOW}
    raw = RawBSONDocument(encode(row).replace(b"QQ", b"\xff\xfe"))
    outbox.insert_one(raw, bypass_document_validation=True)

    went_out = await published(database)

    assert ANSWERS == len(went_out)
    assert [str(FIRST)] == [unreadable.id for unreadable in (await backlog(database, 100)).unreadable]


@pytest.mark.parametrize("row", DAMAGED.values(), ids=DAMAGED)
async def test_the_audit_names_an_altered_row(database: Database, mongo_client: Client, row: dict[str, object]) -> None:
    """A row that no relay can publish is a finding with its id."""
    await live(MongoUnitOfWork(database))
    mongo_client[database.name]["outbox"].insert_one(row, bypass_document_validation=True)

    findings = [finding async for finding in MongoAudit(database).findings()]

    assert [Check.UNREADABLE] == [finding.check for finding in findings]
    assert findings[0].subject.startswith("outbox row ")


async def test_an_answer_that_cannot_be_decoded_stops_no_other(database: Database, mongo_client: Client) -> None:
    """The relay asks for the others one by one; this one waits."""
    await live(MongoUnitOfWork(database))
    altered(mongo_client, database, "transactions", ObjectId(SENT), **{"answer.status": Binary(b"x", 4)})

    went_out = await published(database)

    assert ANSWERS - 1 == len(went_out)
