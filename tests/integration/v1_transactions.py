"""v1's transactions on a database of their own, our books beside it, and the seeding of the one into the other."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from bson import ObjectId
from pymongo import MongoClient

from adapters.embedded import Mongod
from adapters.mongo.audit import MongoAudit
from adapters.mongo.client import Database, connect
from adapters.mongo.driver import Driver
from adapters.mongo.schemas import VALIDATORS
from adapters.mongo.seeding import Finding, Listed, Seeding, SeedReport
from tests.scenario import ALICE, BOB, USD
from wallet_core import Policy
from wallet_core.memory import ManualClock

Client = MongoClient[dict[str, object]]
Document = dict[str, object]

STOPPED_AT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
CREATED = STOPPED_AT - timedelta(hours=1)


def id_at(instant: datetime, number: int = 1) -> ObjectId:
    """Give an id that was made at an instant."""
    return ObjectId(f"{int(instant.timestamp()):08x}{number:016x}")


@dataclass
class V1Transactions:
    """The transactions of v1 on a database of their own, and our books beside it."""

    source: Database
    books: Database
    client: Client
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    listed: list[Listed] = field(default_factory=list)

    def insert(self, status: object, **fields: object) -> str:
        """Leave a transfer of 5 dollars, created at CREATED; give its id."""
        key = id_at(CREATED, next(self.numbers))
        parties = {"fromUserId": ObjectId(ALICE), "toUserId": ObjectId(BOB)}
        own: Document = {"_id": key, "type": "Transfer", **parties, "amount": 5, "status": status, "__v": 0}
        self.client[self.source.name]["transactions"].insert_one({**own, **fields})
        return str(fields.get("_id", key))

    def change(self, id_: str, status: str) -> None:
        """Give a transaction another status, as the service that owns it does."""
        query = {"_id": ObjectId(id_)}
        self.client[self.source.name]["transactions"].update_one(query, {"$set": {"status": status}})

    def kept_stop(self) -> object:
        """Give the instant of v1's end that the books keep."""
        return (self.client[self.books.name]["cutover"].find_one({"_id": "v1"}) or {}).get("stoppedAt")

    async def seed(self, stopped_at: datetime | None = None) -> SeedReport:
        """Run a seeding; ``listed`` is what it tells."""
        self.listed = []
        run = Seeding(self.source, self.books, Policy(USD), ManualClock(), stopped_at)
        await run.check()
        await run.run(self.listed.append)
        return run.report

    def findings(self) -> list[tuple[str, Finding]]:
        """Give what was listed last, without its text."""
        return [(each.transaction_id, each.finding) for each in self.listed]

    def states(self) -> dict[str, object]:
        """Give the state of each legacy record."""
        records = self.client[self.books.name]["transactions"].find({"isLegacy": True})
        return {str(record["_id"]): record["state"] for record in records}

    def everything(self) -> dict[str, list[Document]]:
        """Give all documents of our books."""
        return {name: list(self.client[self.books.name][name].find({}).sort("_id", 1)) for name in VALIDATORS}


@asynccontextmanager
async def v1_transactions(
    database: Database, mongod: Mongod, client: Client, driver: Driver
) -> AsyncIterator[V1Transactions]:
    """Give an empty database of v1's transactions service beside ours."""
    name = f"txns_{uuid.uuid4().hex[:12]}"
    client[name].create_collection("transactions")
    source = connect(mongod.url(name), driver=driver)
    yield V1Transactions(source, database, client)
    await source.close()
    client.drop_database(name)


async def audited(database: Database) -> tuple[list[str], int]:
    """Run an audit; give its findings and the number of transactions."""
    run = MongoAudit(database)
    return [f"{finding.subject}: {finding.text}" async for finding in run.findings()], run.summary.transactions
