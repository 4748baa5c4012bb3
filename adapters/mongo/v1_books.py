"""v1's books as a whole, before they are taken over: whether they still are v1's alone, and whether v1 has stopped."""

from __future__ import annotations

from datetime import datetime

from adapters.mongo.adoption import V1_SHAPED
from adapters.mongo.client import Database
from adapters.mongo.documents import OURS

V1_WALLETS = "wallets_v1"
"""The copy of v1's wallets that the operator makes before the take-over (docs/operations.md)."""


async def are_v1_alone(database: Database) -> bool:
    """Tell whether there are wallets, and all of them are v1's: nothing was taken over yet. Raises StoreUnavailable."""
    wallets = database.collection("wallets")
    if await wallets.count(OURS, rows_max=1):
        return False
    return await wallets.count({}, rows_max=1) > 0


async def hold_money(database: Database) -> bool:
    """Tell whether a wallet that v1 has left holds money, or what cannot be told from it. Raises StoreUnavailable."""
    query = {"balance": {"$exists": True, "$ne": 0}, **V1_SHAPED}
    return await database.collection("wallets").count(query, rows_max=1) > 0


async def changed_after(database: Database, instant: datetime) -> str | None:
    """
    Give the id of a wallet that v1 has changed after ``instant``; None if there is none. Raises StoreUnavailable.

    An adopted wallet tells it no more once we have changed it; the copy of v1's wallets does.
    """
    for collection in ("wallets", V1_WALLETS):
        query = {"updatedAt": {"$gt": instant}, **V1_SHAPED}
        found = await database.collection(collection).find(query, projection={"_id": 1}, limit=1, rows_expected=1)
        if found:
            return str(found[0]["_id"])
    return None
