"""The database as it was at one instant, read page by page while the service goes on.

A snapshot is a session whose reads, outside any transaction, all see the instant of the first one. The server keeps
that instant for 300 s by default (``minSnapshotHistoryWindowInSeconds``); later reads raise SnapshotLost, and whoever
reads goes on in a new snapshot, from where it was.

A page is a query of its own, from an id on: no cursor is open between two of them that could end with a slow reader.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence

from adapters.mongo.client import Database, Session
from adapters.mongo.handles import Document

PAGE = 1_000
"""Documents of a page: at most 2 MB of ours as Python's objects, and a hundred times what a round trip costs."""

TURNS_TO_LEAVE = 4
"""Turns of the event loop after which a query is on its way: with motor one, with PyMongo Async three."""


class Snapshot:
    """One instant. Its reads happen one at a time, as a session wants it. Raises the core's errors and SnapshotLost."""

    def __init__(self, database: Database, session: Session) -> None:
        """Take a snapshot session; ``take`` starts one."""
        self._database = database
        self._session = session
        self._turn = asyncio.Lock()

    @classmethod
    async def take(cls, database: Database) -> Snapshot:
        """Begin at the instant of the first read. Raises StoreUnavailable."""
        return cls(database, await database.start_session(snapshot=True))

    async def pages(
        self, collection: str, after: object | None, *, rows_max: int | None = None, projection: Document | None = None
    ) -> AsyncGenerator[list[Document], None]:
        """
        Give all documents after an id, in the order of their ids, ``rows_max`` (PAGE) at a time.

        The next page is fetched while one is looked at. Close the generator when leaving it early (``aclosing``).
        """
        coming = asyncio.ensure_future(self._page(collection, after, rows_max or PAGE, projection))
        try:
            while documents := await coming:
                following = self._page(collection, _after(documents[-1]), rows_max or PAGE, projection)
                coming = asyncio.ensure_future(following)
                for _ in range(TURNS_TO_LEAVE):  # the server is to work while the reader counts
                    await asyncio.sleep(0)
                yield documents
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def find(
        self, collection: str, ids: Sequence[object], projection: Document | None = None
    ) -> Sequence[Document]:
        """Give the documents with these ids, in any order."""
        if not ids:
            return ()
        async with self._turn:
            return await self._database.collection(collection, self._session).find(
                {"_id": {"$in": ids}}, projection=projection, rows_expected=len(ids)
            )

    async def _page(
        self, collection: str, after: object | None, rows_max: int, projection: Document | None
    ) -> list[Document]:
        async with self._turn:
            return await self._database.collection(collection, self._session).page(after, rows_max, projection)

    async def close(self) -> None:
        """Give the session back."""
        await self._session.end()


def _after(document: Document) -> object:
    """Give where the next page begins. No id at all would be the first page again; NaN is what comes behind null."""
    id_ = document["_id"]
    return math.nan if id_ is None else id_
