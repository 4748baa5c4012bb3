"""Balances and statements: the read side, outside any unit of work.

Reads see only what a majority has (the client's read concern), on the primary: who has been told of an effect sees it.
What is asked together is read together (``shared_query``): the wallets in one query, the pages in another. Nothing is
kept beyond the query that read it.

A page is a span of sequences, which are gapless: a range of one index that costs as much as its rows, however long the
wallet's past is. Its end is the version of the wallet that was read before it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from bson import Int64

from adapters.mongo.client import Database
from adapters.mongo.documents import entry_from_document, entry_key, owner, owner_forms, wallets_by_user
from adapters.mongo.fields import id_to, identifier, subdocument
from adapters.mongo.handles import Document
from adapters.mongo.recorded_times import last_recorded
from adapters.mongo.shared_query import WAIT_S_MAX, SharedQuery
from wallet_core.errors import StoreUnavailable
from wallet_core.ledger import Entry, EntryKind
from wallet_core.ports import StatementQuery
from wallet_core.wallet import Wallet

T = TypeVar("T")

OWNERS_MAX = 200
"""Most owners that one query asks for: 200 wallets take some 2 ms to read back, in which the loop does nothing else."""

PAGES_MAX = 16
"""Most pages in one query: 800 rows of the usual size take some 3 ms, the largest pages 12 ms and 1 MB."""


class Span(NamedTuple):
    """Entries of one wallet by their sequence: from ``first`` on, before ``end``."""

    wallet_id: str
    first: int
    end: int


class MongoReader:
    """``ports.Reader`` on MongoDB. One instance serves all tasks of a loop."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._wallets = database.collection("wallets")
        self._entries = database.collection("entries")
        self._of_owners = SharedQuery(self._wallets_of, OWNERS_MAX)
        self._of_spans = SharedQuery(self._entries_of, PAGES_MAX)

    async def wallet_of(self, user_id: str) -> Wallet | None:
        """Give a user's wallet; see ``ports.Reader.wallet_of``."""
        # Read here and not for all at once: a damaged document is an error for its owner alone.
        wallet = wallets_by_user(await self._of_owners.ask(user_id) or ()).get(user_id)
        return wallet if isinstance(wallet, Wallet) else None

    async def entries(self, wallet: Wallet, query: StatementQuery) -> Sequence[Entry]:
        """Give one page of a wallet's entries, newest first; see ``ports.Reader.entries``."""
        return await _in_time(self._page(wallet, query))

    async def _page(self, wallet: Wallet, query: StatementQuery) -> Sequence[Entry]:
        span = await self._span(wallet, query)
        if span.first >= span.end:
            return []
        if query.kind is not None:
            return await self._page_of_kind(span, query.kind, query.limit)
        newest = span._replace(first=max(span.first, span.end - query.limit))
        found = map(entry_from_document, await self._of_spans.ask(newest) or ())
        entries = [entry for entry in found if newest.first <= entry.sequence < newest.end]
        entries.sort(key=lambda entry: entry.sequence, reverse=True)
        return entries

    async def _span(self, wallet: Wallet, query: StatementQuery) -> Span:
        """Give all that is asked for: time never goes back within a wallet."""
        first, end = 1, wallet.version + 1
        if query.before_sequence is not None:
            end = min(end, query.before_sequence)
        if (since := query.recorded_from) is not None:
            first += await last_recorded(self._entries, wallet.id, end - 1, lambda recorded_at: recorded_at < since)
        if (until := query.recorded_until) is not None:
            end = 1 + await last_recorded(self._entries, wallet.id, end - 1, lambda recorded_at: recorded_at < until)
        return Span(wallet.id, first, end)

    async def _page_of_kind(self, span: Span, kind: EntryKind, limit: int) -> list[Entry]:
        documents = await self._entries.find(
            {
                "_id.w": id_to(span.wallet_id),
                "kind": kind.value,
                "_id.n": {"$gte": Int64(span.first), "$lt": Int64(span.end)},
            },
            sort=[("_id.n", -1)],
            limit=limit,
            rows_expected=limit,
        )
        return [entry_from_document(document) for document in documents]

    async def _wallets_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[Document]]:
        """Find all documents of these owners."""
        owners = set(user_ids)
        documents: defaultdict[str, list[Document]] = defaultdict(list)
        for document in await self._wallets.find({"userId": {"$in": owner_forms(owners)}}, rows_expected=len(owners)):
            documents[owner(document)].append(document)
        return documents

    async def _entries_of(self, spans: Sequence[Span]) -> Mapping[Span, Sequence[Document]]:
        """Find the entries of these spans, each a range of ``_id``. Spans of one wallet get those of each other too."""
        ranges = [
            {"_id": {"$gte": entry_key(span.wallet_id, span.first), "$lt": entry_key(span.wallet_id, span.end)}}
            for span in set(spans)
        ]
        rows_expected = sum(span.end - span.first for span in spans)
        documents: defaultdict[str, list[Document]] = defaultdict(list)
        for document in await self._entries.find({"$or": ranges}, rows_expected=rows_expected):
            documents[identifier(subdocument(document, "_id"), "w")].append(document)
        return {span: documents[span.wallet_id] for span in spans}


async def _in_time(read: Awaitable[T]) -> T:
    """Give what several reads in a row give, within WAIT_S_MAX. Raises StoreUnavailable for a database that hangs."""
    try:
        async with asyncio.timeout(WAIT_S_MAX):
            return await read
    except TimeoutError as error:
        raise StoreUnavailable(f"the database has not answered a read for {WAIT_S_MAX} s") from error
