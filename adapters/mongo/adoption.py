"""``wallet migrate``: v1 wallets become ours, in place.

Each keeps its id, owner, balance and dates, loses ``balance`` for ``balanceMinor``, and gets an entry of kind
``adopted`` with its transaction's record, all in one transaction per batch: stopped at any point, no wallet is half
adopted, and the next run goes on. What cannot be adopted exactly stays as it is, is listed in ``unadopted`` with the
reason, and refuses postings; once a person has mended it, the next run adopts it. With nothing to do nothing changes.

Bounds: one batch in memory, whatever the number of wallets; what must be shown is told one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pymongo import DeleteOne, UpdateOne

from adapters.mongo.client import Database, Session
from adapters.mongo.documents import (
    OURS,
    OURS_ALONE,
    entry_to_document,
    owner_forms,
    record_to_document,
    wallet_to_document,
)
from adapters.mongo.handles import Document, WriteOperation
from adapters.mongo.schemas import REASON_STORED_LENGTH_MAX
from adapters.mongo.unit_of_work import run_in_transaction
from adapters.mongo.v1_wallet import Adopted, Left, adopt_wallet, owner_of
from wallet_core.errors import ConcurrentUpdate
from wallet_core.money import Currency
from wallet_core.ports import Clock

BATCH_WALLETS = 200
"""Wallets per transaction: some 600 small writes, a tenth of a second."""

UNMIGRATED_SHOWN_MAX = 10
"""Ids that a refusal to run names; one is enough to look at, ten show whether they have something in common."""

V1_SHAPED: Document = {OURS_ALONE: {"$exists": False}}
"""Finds the wallets that v1 has left, whatever it has put into them (``documents.is_ours``)."""

HAS_BALANCE: Document = {"balance": {"$exists": True}, **V1_SHAPED}
HAS_NO_CURRENCY: Document = {"currency": None, **V1_SHAPED}
"""Find v1's wallets at once, each by an index that holds no wallet of ours. Nothing but a wallet that has been tampered
with escapes both; it refuses postings like every wallet that is not ours, and 'wallet migrate' lists it."""


class Finding(StrEnum):
    """Why a wallet is listed."""

    ROUNDED = "rounded"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Listed:
    """A wallet that a person should know of."""

    wallet_id: str
    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class AdoptionReport:
    """How many wallets were adopted now (``rounded`` of them not exactly), were ours ``already``, and were ``left``."""

    adopted: int
    rounded: int
    left: int
    already: int


async def adopt(database: Database, currency: Currency, clock: Clock, tell: Callable[[Listed], None]) -> AdoptionReport:
    """
    Adopt every v1 wallet that can be adopted exactly; ``tell`` gets each one to list, after its batch is committed.

    Needs the collections and indexes (``indexes.prepare``). Raises StoreUnavailable and ConcurrentUpdate: run it again.
    """
    already = await database.collection("wallets").count(OURS)
    adopted, findings = 0, dict.fromkeys(Finding, 0)
    async for ids in _batches(database, "wallets", V1_SHAPED):
        batch = _Batch(database, currency, clock.now(), ids)
        listed, adopted_now = await run_in_transaction(database, batch.adopt)
        adopted += adopted_now
        for each in listed:
            findings[each.finding] += 1
            tell(each)
    await _forget_settled(database)
    return AdoptionReport(adopted, findings[Finding.ROUNDED], findings[Finding.LEFT], already)


async def unmigrated(database: Database) -> Sequence[str]:
    """
    Give ids of v1 wallets that no ``adopt`` has looked at, at most UNMIGRATED_SHOWN_MAX; none when all is done.

    Raises StoreUnavailable.
    """
    for query in (HAS_BALANCE, HAS_NO_CURRENCY):
        async with aclosing(_batches(database, "wallets", query)) as batches:
            async for ids in batches:
                listed = await database.collection("unadopted").find({"_id": {"$in": ids}}, rows_expected=len(ids))
                known = {document["_id"] for document in listed}
                unknown = [str(id_) for id_ in ids if id_ not in known]
                if unknown:
                    return unknown[:UNMIGRATED_SHOWN_MAX]
    return ()


class _Batch:
    """Some v1 wallets, adopted in one transaction; ``adopt`` may run several times."""

    def __init__(self, database: Database, currency: Currency, now: datetime, ids: Sequence[object]) -> None:
        self._database = database
        self._currency = currency
        self._now = now
        self._ids = ids

    async def adopt(self, session: Session) -> tuple[list[Listed], int]:
        wallets = self._database.collection("wallets", session)
        query = {"_id": {"$in": self._ids}, **V1_SHAPED}
        documents = await wallets.find(query, sort=[("_id", 1)], rows_expected=len(self._ids))
        wallets_of = await self._wallets_of_owners(documents, session)
        decisions = [(document, self._decide(document, wallets_of)) for document in documents]
        adopted = [(document, decision) for document, decision in decisions if isinstance(decision, Adopted)]
        left = [(document, decision) for document, decision in decisions if isinstance(decision, Left)]
        await self._store(adopted, session)
        await self._list(adopted, left, session)
        listed = [Listed(str(each["_id"]), Finding.LEFT, decision.reason) for each, decision in left]
        listed += [
            Listed(decision.wallet.id, Finding.ROUNDED, decision.rounded) for _, decision in adopted if decision.rounded
        ]
        return listed, len(adopted)

    async def _wallets_of_owners(self, documents: Sequence[Document], session: Session) -> Mapping[str, list[str]]:
        """Give the ids of all wallets, ours included, of the owners of these."""
        owners = {owner for owner in map(owner_of, documents) if owner is not None}
        found = await self._database.collection("wallets", session).find(
            {"userId": {"$in": owner_forms(owners)}}, projection={"userId": 1}, rows_expected=len(owners)
        )
        wallets_of: dict[str, list[str]] = defaultdict(list)
        for document in found:
            wallets_of[_owner_key(document)].append(str(document["_id"]))
        return wallets_of

    def _decide(self, document: Document, wallets_of: Mapping[str, list[str]]) -> Adopted | Left:
        others = [id_ for id_ in wallets_of.get(_owner_key(document), ()) if id_ != str(document["_id"])]
        if others:
            return Left(f"its owner {document['userId']} has another wallet: {', '.join(others[:3])}")
        return adopt_wallet(document, self._currency)

    async def _store(self, adopted: Sequence[tuple[Document, Adopted]], session: Session) -> None:
        """Write the guarded documents first: one that v1 has changed meanwhile ends this try."""
        updates = [
            UpdateOne(
                {"_id": document["_id"], "balance": document["balance"], **V1_SHAPED},
                {"$set": _without_id(wallet_to_document(decision.wallet)), "$unset": {"balance": ""}},
            )
            for document, decision in adopted
        ]
        found = await self._database.collection("wallets", session).write_many(updates)
        if found != len(updates):
            raise ConcurrentUpdate(f"{len(updates) - found} wallets have changed while they were adopted")
        records = [record for _, decision in adopted if (record := decision.record(self._now))]
        entries = [decision.entry for _, decision in adopted if decision.entry]
        await self._database.collection("transactions", session).insert_many(list(map(record_to_document, records)))
        await self._database.collection("entries", session).insert_many(list(map(entry_to_document, entries)))

    async def _list(
        self,
        adopted: Sequence[tuple[Document, Adopted]],
        left: Sequence[tuple[Document, Left]],
        session: Session,
    ) -> None:
        """Keep the list of those that wait for a person; who is on it with the same reason stays as it is."""
        operations: list[WriteOperation] = [DeleteOne({"_id": document["_id"]}) for document, _ in adopted]
        operations += [
            UpdateOne(
                {"_id": document["_id"]},
                {
                    "$set": {"reason": decision.reason[:REASON_STORED_LENGTH_MAX]},
                    "$setOnInsert": {"listedAt": self._now},
                },
                upsert=True,
            )
            for document, decision in left
        ]
        await self._database.collection("unadopted", session).write_many(operations)


async def _forget_settled(database: Database) -> None:
    """Take off the list what is no v1 wallet any more: a person has removed it."""
    async for ids in _batches(database, "unadopted", {}):
        waiting = await database.collection("wallets").find(
            {"_id": {"$in": ids}, **V1_SHAPED}, projection={"_id": 1}, rows_expected=len(ids)
        )
        still = {document["_id"] for document in waiting}
        gone: list[WriteOperation] = [DeleteOne({"_id": id_}) for id_ in ids if id_ not in still]
        await database.collection("unadopted").write_many(gone)


async def _batches(database: Database, collection: str, query: Document) -> AsyncGenerator[list[object], None]:
    """Give the ids of all documents found, in order, a batch at a time."""
    ids: list[object] = []
    stream = database.collection(collection).stream(query, projection={"_id": 1}, sort=[("_id", 1)])
    async with aclosing(stream):
        async for document in stream:
            ids.append(document["_id"])
            if len(ids) == BATCH_WALLETS:
                yield ids
                ids = []
    if ids:
        yield ids


def _owner_key(document: Document) -> str:
    """Name the owner however it is stored: as an ObjectId, or as text in either case."""
    return owner_of(document) or str(document.get("userId"))


def _without_id(document: Document) -> dict[str, object]:
    return {name: value for name, value in document.items() if name != "_id"}
