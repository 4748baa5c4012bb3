"""One collection, as one unit of work or the outside sees it.

Every statement of this package goes through here, so none can forget its session (it would be committed on its own and
survive an abort), its measurement, or the translation of its errors. Inside a session a statement is finished even when
its task is cancelled: what was sent goes on, and an abort must not overtake it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import TypeVar

from pymongo import ReturnDocument

from adapters.mongo.cancellation import finished_even_if_cancelled
from adapters.mongo.errors import DRIVER_ERRORS, core_error, hides_document, outside_error
from adapters.mongo.handles import CollectionHandle, Document, SessionHandle, SortKeys, WriteOperation
from adapters.mongo.observer import StoreObserver
from adapters.mongo.steps import STATEMENTS
from wallet_core.errors import WalletError

T = TypeVar("T")

STREAM_BATCH = 1_000
"""Documents per fetch of a stream: at most 1 MB of ours, so memory stays bounded and round trips do not count."""

COUNT_MAX = 2**31 - 1
"""The largest limit of a count: more than any collection here holds."""


class Collection:
    """Statements on one collection, all in ``session`` if there is one. Raises the core's errors (see ``errors``)."""

    def __init__(
        self, name: str, handle: CollectionHandle, session: SessionHandle | None, observer: StoreObserver
    ) -> None:
        """Take the driver's objects."""
        self.name = name
        self._handle = handle
        self._session = session
        self._observer = observer

    async def find(
        self,
        query: Document,
        *,
        rows_expected: int,
        limit: int = 0,
        projection: Document | None = None,
        sort: SortKeys | None = None,
    ) -> list[Document]:
        """
        Give all documents found, at most ``limit`` if it is not 0.

        ``rows_expected`` or fewer come in one round trip. The batch is one larger than that: a full batch would leave a
        cursor open, and cost a second round trip to learn that nothing follows.
        """
        cursor = self._handle.find(
            query, projection, sort=sort, limit=limit, batch_size=rows_expected + 1, session=self._session
        )
        return await self._measured("find", cursor.to_list(None))

    async def page(self, after: object | None, rows_max: int, projection: Document | None = None) -> list[Document]:
        """
        Give the next documents in the order of their ids: at most ``rows_max`` after this id, None for the first ones.

        By a bound of the index: a comparison in a query sees no ids of another type than its own.
        """
        bound = None if after is None else {"_id": after}
        by_id = [("_id", 1)]
        cursor = self._handle.find(
            {},
            projection,
            sort=by_id,
            limit=rows_max + 1,
            batch_size=rows_max + 2,
            session=self._session,
            min=bound,
            hint=by_id,
        )
        documents = await self._measured("find", cursor.to_list(None))
        if documents and after is not None and _is_same(documents[0]["_id"], after):  # the bound is inclusive
            return documents[1:]
        return documents[:rows_max]

    async def stream(
        self, query: Document, *, projection: Document | None = None, sort: SortKeys | None = None
    ) -> AsyncGenerator[Document, None]:
        """Give every document found, fetched in batches; close the generator when leaving it early (``aclosing``)."""
        cursor = self._handle.find(
            query, projection, sort=sort, limit=0, batch_size=STREAM_BATCH, session=self._session
        )
        try:
            async for document in cursor:
                yield document
        except DRIVER_ERRORS as error:
            raise self._translated(error) from (None if hides_document(error) else error)
        finally:
            await cursor.close()

    async def insert_many(self, documents: Sequence[Document]) -> None:
        """
        Insert documents, in order.

        Ordered: the first refusal ends the command; the transaction is lost with it, so going on would be wasted work.
        """
        if documents:
            await self._measured("insert", self._handle.insert_many(documents, ordered=True, session=self._session))

    async def write_many(self, operations: Sequence[WriteOperation]) -> int:
        """Update, replace or delete documents, in order (see ``insert_many``); give how many of them were found."""
        if not operations:
            return 0
        result = await self._measured(
            "update", self._handle.bulk_write(operations, ordered=True, session=self._session)
        )
        return result.matched_count

    async def update_one(self, query: Document, update: Document) -> None:
        """Update the first document found, if any."""
        await self._measured("update", self._handle.update_one(query, update, session=self._session))

    async def upsert(self, query: Document, update: Sequence[Document]) -> Document:
        """Update the document found, or insert one; give it as it then is."""
        statement = self._handle.find_one_and_update(
            query, update, upsert=True, return_document=ReturnDocument.AFTER, session=self._session
        )
        return await self._measured("update", statement)

    async def delete_one(self, query: Document) -> None:
        """Delete the first document found, if any."""
        await self._measured("delete", self._handle.delete_one(query, session=self._session))

    async def count(self, query: Document, *, rows_max: int = COUNT_MAX) -> int:
        """Count documents; the count stops at ``rows_max``, and so does the work."""
        return await self._measured(
            "aggregate", self._handle.count_documents(query, limit=rows_max, session=self._session)
        )

    async def _measured(self, operation: str, statement: Awaitable[T]) -> T:
        started_s = time.perf_counter()
        try:
            result = await (statement if self._session is None else finished_even_if_cancelled(statement))
        except DRIVER_ERRORS as error:
            raise self._translated(error) from (None if hides_document(error) else error)
        finally:
            self._observer.statement_ended(operation, self.name, time.perf_counter() - started_s)
        if self._session is not None and (step := STATEMENTS.get((operation, self.name))):
            self._observer.reached(step)
        return result

    def _translated(self, error: Exception) -> WalletError:
        translate = outside_error if self._session is None else core_error
        return translate(error, self.name)


def _is_same(one: object, other: object) -> bool:
    """Compare ids as the index does, where NaN is itself: it would be found behind itself for ever."""
    return one == other or (one != one and other != other)  # noqa: PLR0124 - only NaN is not itself
