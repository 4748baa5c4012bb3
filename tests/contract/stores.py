"""MongoDB as a store that the suites run over."""

import asyncio
from datetime import timedelta

from bson import ObjectId
from pymongo import MongoClient

from adapters.mongo.client import Database
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.reader import MongoReader
from adapters.mongo.unit_of_work import MongoUnitOfWork
from wallet_core.testing.conformance import Store


def mongo_store(database: Database, client: MongoClient[dict[str, object]]) -> Store:
    """Make empty books on MongoDB."""

    async def suspend(user_id: str) -> None:
        """Leave a document of v1's shape, as an adoption does with what it cannot adopt."""
        wallet = {"userId": ObjectId(user_id), "balance": -1.0}
        database_now = client[database.name]
        database_now.command({"insert": "wallets", "documents": [wallet], "bypassDocumentValidation": True})

    async def let_pass(duration: timedelta) -> None:
        """Wait on the clock that the server has too."""
        await asyncio.sleep(duration.total_seconds())

    return Store(MongoUnitOfWork(database), MongoReader(database), MongoPendingAnswers(database), suspend, let_pass)
