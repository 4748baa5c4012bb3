"""What the replacement of v1 must not forget between two runs: when v1 ended, and what a person has said.

One collection, ``cutover``: a document ``{_id: "v1", stoppedAt}``, and ``{_id: transaction id, notAppliedAt}`` for each
transaction about which a person has said that v1 has not applied it. Nothing of it is ever changed.
"""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Set as AbstractSet
from datetime import datetime

from pymongo import UpdateOne

from adapters.mongo.client import Database, Session
from adapters.mongo.errors import UnsuitableStore
from adapters.mongo.fields import id_from, id_to, instant
from wallet_core.fields import iso_milliseconds

CUTOVER = "cutover"
V1 = "v1"

OTHER_INSTANT = (
    "an earlier run has recorded that v1 ended at {kept}, and --v1-stopped-at is {given}: what that run holds back "
    "could be let go by this one. Leave the option away, or give {kept}. If that was wrong, see 'The way back' in "
    "docs/operations.md"
)


async def v1_stopped_at(database: Database) -> datetime | None:
    """Give the instant that an earlier run has kept; None if none has. Raises StoreUnavailable."""
    found = await database.collection(CUTOVER).find({"_id": V1}, rows_expected=1)
    return instant(found[0], "stoppedAt") if found else None


async def require_same_instant(database: Database, given: datetime | None) -> datetime | None:
    """Give the instant to go by: the kept one, else ``given``. Raises UnsuitableStore if they differ."""
    kept = await v1_stopped_at(database)
    given = None if given is None else given.replace(microsecond=given.microsecond // 1_000 * 1_000)  # as it is stored
    if kept is None or given is None or given == kept:
        return kept or given
    raise UnsuitableStore(OTHER_INSTANT.format(kept=iso_milliseconds(kept), given=iso_milliseconds(given)))


async def keep_instant(database: Database, v1_stopped_at: datetime) -> None:
    """Keep the instant, unless one is kept. Raises UnsuitableStore if that is another one, and StoreUnavailable."""
    kept = [{"$set": {"stoppedAt": {"$ifNull": ["$stoppedAt", v1_stopped_at]}}}]
    await database.collection(CUTOVER).upsert({"_id": V1}, kept)
    await require_same_instant(database, v1_stopped_at)


async def keep_not_applied(database: Database, session: Session, transaction_ids: Ids[str], now: datetime) -> None:
    """Keep the verdict about these, in the unit of work that forgets their records."""
    verdicts = [
        UpdateOne({"_id": id_to(id_)}, {"$setOnInsert": {"notAppliedAt": now}}, upsert=True) for id_ in transaction_ids
    ]
    await database.collection(CUTOVER, session).write_many(verdicts)


async def not_applied(database: Database, session: Session, transaction_ids: Ids[str]) -> AbstractSet[str]:
    """Give those of which a person has said that v1 has not applied them."""
    found = await database.collection(CUTOVER, session).find(
        {"_id": {"$in": [id_to(id_) for id_ in transaction_ids]}, "notAppliedAt": {"$exists": True}},
        rows_expected=len(transaction_ids),
    )
    return {id_from(document["_id"], "_id") for document in found}
