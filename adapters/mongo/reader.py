"""Balances and statements: the read side, outside any unit of work.

Reads see only what a majority has (the client's read concern), on the primary: who has been told of an effect sees it.
A page is a range of one index and costs as much as its rows, however long the wallet's past is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import TypeVar

from bson import Int64

from adapters.mongo.client import Database
from adapters.mongo.documents import entry_from_document, entry_key, owner_forms, wallets_by_user
from adapters.mongo.fields import id_to, integer, subdocument
from wallet_core.errors import StoreUnavailable
from wallet_core.ledger import Entry, EntryKind
from wallet_core.ports import StatementQuery
from wallet_core.wallet import Wallet

T = TypeVar("T")

READ_S_MAX = 5.0
"""Longest read, seconds: it takes milliseconds, and clients and gateways give up after some ten seconds."""

SEQUENCE_MAX = 2**63 - 1
"""The largest Int64: above every sequence."""


class MongoReader:
    """``ports.Reader`` on MongoDB. One instance serves all tasks."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._wallets = database.collection("wallets")
        self._entries = database.collection("entries")

    async def wallet_of(self, user_id: str) -> Wallet | None:
        """Give a user's wallet; see ``ports.Reader.wallet_of``."""
        return await _in_time(self._wallet_of(user_id))

    async def entries(self, query: StatementQuery) -> Sequence[Entry] | None:
        """Give one page of a user's entries, newest first; see ``ports.Reader.entries``."""
        return await _in_time(self._entries_asked_for(query))

    async def _wallet_of(self, user_id: str) -> Wallet | None:
        documents = await self._wallets.find({"userId": {"$in": owner_forms([user_id])}}, rows_expected=1)
        wallet = wallets_by_user(documents).get(user_id)
        return wallet if isinstance(wallet, Wallet) else None

    async def _entries_asked_for(self, query: StatementQuery) -> Sequence[Entry] | None:
        wallet = await self._wallet_of(query.user_id)
        if wallet is None:
            return None
        first, end = await self._bounds(wallet.id, query)
        if first >= end:
            return []
        if query.kind is None:
            return await self._page(wallet.id, first, end, query.limit)
        return await self._page_of_kind(wallet.id, query.kind, first, end, query.limit)

    async def _bounds(self, wallet_id: str, query: StatementQuery) -> tuple[int, int]:
        """Give the first sequence asked for and the one after the last: time never goes back within a wallet."""
        first, end = 1, SEQUENCE_MAX if query.before_sequence is None else query.before_sequence
        if query.recorded_from is not None:
            first = await self._first_since(wallet_id, query.recorded_from)
        if query.recorded_until is not None:
            end = min(end, await self._first_since(wallet_id, query.recorded_until))
        return first, end

    async def _first_since(self, wallet_id: str, instant: datetime) -> int:
        """Find the first sequence recorded at an instant or later: one look into the index ``by_time``."""
        documents = await self._entries.find(
            {"_id.w": id_to(wallet_id), "recordedAt": {"$gte": instant}},
            projection={"_id": 1},
            sort=[("recordedAt", 1), ("_id.n", 1)],
            limit=1,
            rows_expected=1,
        )
        return integer(subdocument(documents[0], "_id"), "n") if documents else SEQUENCE_MAX

    async def _page(self, wallet_id: str, first: int, end: int, limit: int) -> list[Entry]:
        documents = await self._entries.find(
            {"_id": {"$gte": entry_key(wallet_id, first), "$lt": entry_key(wallet_id, end)}},
            sort=[("_id", -1)],
            limit=limit,
            rows_expected=limit,
        )
        return [entry_from_document(document) for document in documents]

    async def _page_of_kind(self, wallet_id: str, kind: EntryKind, first: int, end: int, limit: int) -> list[Entry]:
        documents = await self._entries.find(
            {"_id.w": id_to(wallet_id), "kind": kind.value, "_id.n": {"$gte": Int64(first), "$lt": Int64(end)}},
            sort=[("_id.n", -1)],
            limit=limit,
            rows_expected=limit,
        )
        return [entry_from_document(document) for document in documents]


async def _in_time(read: Awaitable[T]) -> T:
    """Give what a read gives, within READ_S_MAX. Raises StoreUnavailable for a database that hangs."""
    try:
        async with asyncio.timeout(READ_S_MAX):
            return await read
    except TimeoutError as error:
        raise StoreUnavailable(f"the database has not answered a read for {READ_S_MAX} s") from error
