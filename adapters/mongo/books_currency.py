"""Tells in which currency the wallets are kept: one per deployment, so one wallet tells it for all."""

from __future__ import annotations

from adapters.mongo.client import Database
from adapters.mongo.documents import OURS
from adapters.mongo.fields import text


async def books_currency(database: Database) -> str | None:
    """Give the currency code of the books; None while there is no wallet of ours. Raises StoreUnavailable."""
    documents = await database.collection("wallets").find(
        {"currency": {"$exists": True}, **OURS}, projection={"currency": 1}, limit=1, rows_expected=1
    )
    return text(documents[0], "currency") if documents else None
