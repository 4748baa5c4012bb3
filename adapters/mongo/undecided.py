"""``wallet undecided``: the legacy transactions about which a person must decide, what speaks for it, the decision.

The service may run meanwhile: until the decision is committed it sets every message about such a transaction aside, and
afterwards it goes by it.

v1 stamps a wallet with the time of its last change (``updatedAt``), and the adoption keeps that time. Where v1 has
changed none of the wallets concerned since the transaction was created, it cannot have applied it: unless clocks
differ. But the adoption makes such a time up where v1 has left none, and a v1 may stamp nothing after the opening. So
only what the copy of v1's wallets (``wallets_v1``) bears out counts, and only if it proves that this v1 stamps: one
wallet in it was changed after its opening. It is shown to a person, and no machine decides by it.

Bounds: one batch in memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as Ids
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import DeleteOne

from adapters.mongo.client import Database, Session
from adapters.mongo.cutover import keep_not_applied
from adapters.mongo.documents import (
    OURS,
    entry_from_document,
    entry_key,
    owner_forms,
    record_from_document,
    wallet_from_document,
)
from adapters.mongo.fields import id_from, id_to, instant
from adapters.mongo.handles import Document
from adapters.mongo.repositories import MongoBooks
from adapters.mongo.unit_of_work import run_in_transaction
from adapters.mongo.v1_books import V1_WALLETS
from wallet_core.errors import LedgerCorrupted
from wallet_core.events import FinalStatus
from wallet_core.ledger import EntryKind, TransactionRecord, TransactionState
from wallet_core.legacy import settled
from wallet_core.ports import Clock, RecordChange

BATCH_IDS = 500
"""Decisions per unit of work, and answers per row of the outbox."""


STAMPED: Document = {"updatedAt": {"$type": "date"}}
PROVES_STAMPS: Document = {**STAMPED, "createdAt": {"$type": "date"}, "$expr": {"$gt": ["$updatedAt", "$createdAt"]}}
"""Find the wallets of the copy that say when v1 changed them, and those that v1 has stamped after their opening."""


class Touched(StrEnum):
    """Whether v1 has changed a wallet concerned since the transaction was created. Only NO speaks for a verdict."""

    NO = "no"
    MAYBE = "maybe"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Undecided:
    """One of them, and whether v1 has touched its wallets since it was created."""

    record: TransactionRecord
    created_at: datetime
    touched: Touched


async def list_undecided(database: Database, records_max: int) -> Sequence[Undecided]:
    """
    Give the first of them, by id, through an index that holds nothing else.

    Raises StoreUnavailable, and LedgerCorrupted, with the id, for a record that cannot be one of v1's.
    """
    documents = await database.collection("transactions").find(
        {"state": TransactionState.UNDECIDED.value}, sort=[("_id", 1)], limit=records_max, rows_expected=records_max
    )
    records = [_record(document) for document in documents]
    parties = {party for record in records for party in _parties(record)}
    untouched_since = await _untouched_since(database, parties)
    return [_listed(record, untouched_since) for record in records]


def _record(document: Document) -> TransactionRecord:
    if not isinstance(document["_id"], ObjectId):
        raise LedgerCorrupted(f"transaction {document['_id']!r} is undecided, and its _id is no ObjectId: none of v1's")
    try:
        return record_from_document(document)
    except LedgerCorrupted as error:
        raise LedgerCorrupted(f"transaction {document['_id']}: {error}") from None


def _listed(record: TransactionRecord, untouched_since: Mapping[str, datetime]) -> Undecided:
    created_at = ObjectId(record.id).generation_time
    return Undecided(record, created_at, _touched(_parties(record), created_at, untouched_since))


def _touched(parties: Sequence[str], created_at: datetime, untouched_since: Mapping[str, datetime]) -> Touched:
    known = [untouched_since[party] for party in parties if party in untouched_since]
    if any(changed_at >= created_at for changed_at in known):
        return Touched.MAYBE
    return Touched.NO if parties and len(known) == len(parties) else Touched.UNKNOWN


def _parties(record: TransactionRecord) -> list[str]:
    return [party for party in (record.sender_id, record.recipient_id) if party is not None]


async def _untouched_since(database: Database, user_ids: Ids[str]) -> Mapping[str, datetime]:
    """Give when v1 changed these users' wallets last. Whose wallet does not prove it is absent."""
    found = await database.collection("wallets").find(
        {"userId": {"$in": owner_forms(user_ids)}, **OURS}, rows_expected=len(user_ids)
    )
    wallets = [wallet_from_document(document) for document in found]
    first_entries = await database.collection("entries").find(
        {"_id": {"$in": [entry_key(wallet.id, 1) for wallet in wallets]}, "kind": EntryKind.ADOPTED.value},
        rows_expected=len(wallets),
    )
    adopted_at = {entry.wallet_id: entry.recorded_at for entry in map(entry_from_document, first_entries)}
    empty_at = {wallet.id: wallet.changed_at for wallet in wallets if wallet.version == 0}
    changed_at = {**empty_at, **adopted_at}
    stamps = await _stamps(database, changed_at.keys())
    return {wallet.user_id: stamps[wallet.id] for wallet in wallets if _is_borne_out(wallet.id, changed_at, stamps)}


def _is_borne_out(wallet_id: str, changed_at: Mapping[str, datetime], stamps: Mapping[str, datetime]) -> bool:
    """Tell whether the copy has the time that the books have: an older copy has another one, no stamp none at all."""
    return wallet_id in stamps and stamps[wallet_id] == changed_at.get(wallet_id)


async def _stamps(database: Database, wallet_ids: Ids[str]) -> Mapping[str, datetime]:
    """Give v1's own stamps from the copy of its wallets; none without a proof that this v1 stamps."""
    copy = database.collection(V1_WALLETS)
    if not await copy.find(PROVES_STAMPS, projection={"_id": 1}, limit=1, rows_expected=1):
        return {}
    query = {"_id": {"$in": [id_to(id_) for id_ in wallet_ids]}, **STAMPED}
    found = await copy.find(query, projection={"updatedAt": 1}, rows_expected=len(wallet_ids))
    return {id_from(document["_id"], "_id"): instant(document, "updatedAt") for document in found}


async def decide_applied(database: Database, transaction_ids: Sequence[str], clock: Clock) -> Sequence[str]:
    """
    Record that the service before ours has applied these, and tell the transactions service so, in its place.

    Gives the ids that were not undecided; nothing is done about those. Raises StoreUnavailable and ConcurrentUpdate.
    """

    async def work(session: Session, records: Sequence[TransactionRecord]) -> None:
        books, now = MongoBooks(database, session), clock.now()
        changes = [RecordChange(record, settled(record, FinalStatus.COMPLETED, None, now)) for record in records]
        await books.journal.change_many(changes)
        await books.outbox.add([record.id for record in records])

    return await _decide(database, transaction_ids, work)


async def decide_not_applied(database: Database, transaction_ids: Sequence[str], clock: Clock) -> Sequence[str]:
    """
    Forget these: the service before ours has not applied them, so they are as new as any other.

    The verdict is kept, so that another seeding does not ask again.

    Gives the ids that were not undecided; nothing is done about those. Raises StoreUnavailable and ConcurrentUpdate.
    """

    async def work(session: Session, records: Sequence[TransactionRecord]) -> None:
        removals = [DeleteOne({"_id": id_to(record.id), "state": record.state.value}) for record in records]
        await database.collection("transactions", session).write_many(removals)
        await keep_not_applied(database, session, [record.id for record in records], clock.now())

    return await _decide(database, transaction_ids, work)


async def _decide(
    database: Database,
    transaction_ids: Sequence[str],
    work: Callable[[Session, Sequence[TransactionRecord]], Awaitable[None]],
) -> Sequence[str]:
    """Run ``work`` on the records that are undecided, a batch per unit of work; give the ids that are not."""
    others: list[str] = []
    ids = list(dict.fromkeys(transaction_ids))
    for start in range(0, len(ids), BATCH_IDS):
        batch = ids[start : start + BATCH_IDS]

        async def body(session: Session, batch: Sequence[str] = batch) -> Sequence[str]:
            known = await MongoBooks(database, session).journal.get_transactions(batch)
            records = {id_: record for id_, record in known.items() if record.state is TransactionState.UNDECIDED}
            await work(session, list(records.values()))
            return [id_ for id_ in batch if id_ not in records]

        others += await run_in_transaction(database, body)
    return others
