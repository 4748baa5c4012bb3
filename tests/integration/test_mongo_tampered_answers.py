"""Answers and outbox rows that somebody has altered by hand: they wait for a person, and hold up nobody else."""

import time

from bson import ObjectId
from pymongo import MongoClient

from adapters.mongo.client import Database
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.history import SENT, live
from wallet_core import Relay
from wallet_core.memory import ManualClock, MemoryBus
from wallet_core.relay import ROWS_PER_ROUND_MAX

Client = MongoClient[dict[str, object]]

ROUNDS = 20

ANSWERS = 7
"""What the lived-in books have to tell."""


def altered(books: Client, database: Database, collection: str, document_id: object, **fields: object) -> None:
    """Alter a document past its validator, as a person with all rights can."""
    update = {"q": {"_id": document_id}, "u": {"$set": fields}}
    books[database.name].command({"update": collection, "updates": [update], "bypassDocumentValidation": True})


async def published(database: Database) -> set[str]:
    """Run a relay for some rounds; give the transactions whose answers went out."""
    bus = MemoryBus(ManualClock())
    relay = Relay(MongoPendingAnswers(database), bus, "relay-1", time.monotonic)
    for _ in range(ROUNDS):
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


async def test_altered_rows_are_passed_over_however_many_there_are(database: Database, mongo_client: Client) -> None:
    """What stands behind more unreadable rows than a round reads is published all the same."""
    outbox = mongo_client[database.name]["outbox"]
    for _ in range(ROWS_PER_ROUND_MAX + 1):
        row = {"_id": ObjectId(), "transactionIds": ["x"], "createdAt": "yesterday"}
        outbox.insert_one(row, bypass_document_validation=True)
    await live(MongoUnitOfWork(database))

    went_out = await published(database)

    assert ANSWERS == len(went_out)
    assert ROWS_PER_ROUND_MAX + 1 == outbox.count_documents({})
