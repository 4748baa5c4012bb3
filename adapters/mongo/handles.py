"""The driver's objects as this adapter uses them: Protocols that motor and PyMongo Async both fit.

Neither driver's own types are used outside ``driver.py``, which casts to these once. They list only what is called.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Protocol

from pymongo import DeleteOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import Primary
from pymongo.topology_description import TopologyDescription
from pymongo.write_concern import WriteConcern

Document = Mapping[str, object]
"""A document of the database, as read and as written. Field names to values of ``bson``'s types."""

WriteOperation = UpdateOne | UpdateMany | ReplaceOne[dict[str, object]] | DeleteOne
"""One write of a bulk."""

SortKeys = Sequence[tuple[str, int]]
"""Fields with 1 (ascending) or -1."""


class BulkResultHandle(Protocol):
    """What a bulk of writes did."""

    @property
    def matched_count(self) -> int:
        """How many documents the updates and replacements found."""
        ...


class CursorHandle(Protocol):
    """The documents that a query finds."""

    def to_list(self, length: int | None) -> Awaitable[list[Document]]:
        """Give all documents (None: no limit of its own)."""
        ...

    def __aiter__(self) -> AsyncIterator[Document]:
        """Give the documents one by one, fetched in batches."""
        ...

    def close(self) -> Awaitable[None]:
        """Give the cursor back to the server."""
        ...


class SessionHandle(Protocol):
    """The driver's session, for one statement at a time. Only ``client.Session`` calls it."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and was neither committed nor aborted."""
        ...

    def start_transaction(
        self,
        read_concern: ReadConcern,
        write_concern: WriteConcern,
        read_preference: Primary,
        max_commit_time_ms: int,
    ) -> object | Awaitable[object]:
        """Begin a transaction, at once or when it is awaited; nothing is sent yet."""
        ...

    def commit_transaction(self) -> Awaitable[None]:
        """Send the commit, or send it again."""
        ...

    def abort_transaction(self) -> Awaitable[None]:
        """Send the abort."""
        ...

    def end_session(self) -> Awaitable[None]:
        """Give the session back."""
        ...


class CollectionHandle(Protocol):
    """The driver's collection. Only ``collection.Collection`` calls it."""

    def find(  # noqa: PLR0913 - the driver's signature
        self,
        filter: Document,  # noqa: A002 - the driver's name
        projection: Document | None,
        *,
        sort: SortKeys | None,
        limit: int,
        batch_size: int,
        session: SessionHandle | None,
        min: Document | None = None,  # noqa: A002 - the driver's name
        hint: SortKeys | None = None,
    ) -> CursorHandle:
        """Begin a query; nothing is sent yet."""
        ...

    def insert_many(
        self, documents: Sequence[Document], *, ordered: bool, session: SessionHandle | None
    ) -> Awaitable[object]:
        """Insert documents."""
        ...

    def bulk_write(
        self, requests: Sequence[WriteOperation], *, ordered: bool, session: SessionHandle | None
    ) -> Awaitable[BulkResultHandle]:
        """Do several writes in one command per kind."""
        ...

    def update_one(
        self,
        filter: Document,  # noqa: A002 - the driver's name
        update: Document,
        *,
        session: SessionHandle | None,
    ) -> Awaitable[object]:
        """Update the first document found."""
        ...

    def find_one_and_update(
        self,
        filter: Document,  # noqa: A002 - the driver's name
        update: Sequence[Document],
        *,
        upsert: bool,
        return_document: bool,
        session: SessionHandle | None,
    ) -> Awaitable[Document]:
        """Update or insert one document, and give it."""
        ...

    def delete_one(self, filter: Document, *, session: SessionHandle | None) -> Awaitable[object]:  # noqa: A002 - as above
        """Delete the first document found."""
        ...

    def count_documents(
        self,
        filter: Document,  # noqa: A002 - the driver's name
        *,
        limit: int,
        session: SessionHandle | None,
    ) -> Awaitable[int]:
        """Count documents up to a limit."""
        ...


class DatabaseHandle(Protocol):
    """The driver's database. Only ``client.Database`` calls it."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def get_collection(self, name: str) -> CollectionHandle:
        """Give a collection; nothing is sent."""
        ...

    def command(self, command: dict[str, object]) -> Awaitable[Document]:
        """Run a command."""
        ...


class ClientHandle(Protocol):
    """The driver's client. Only ``client.Database`` calls it."""

    @property
    def admin(self) -> DatabaseHandle:
        """The database ``admin``."""
        ...

    @property
    def topology_description(self) -> TopologyDescription:
        """What is known of the servers."""
        ...

    def get_database(self, name: str) -> DatabaseHandle:
        """Give a database; nothing is sent."""
        ...

    def get_default_database(self) -> DatabaseHandle:
        """Give the database that the address names. Raises ConfigurationError if it names none."""
        ...

    def start_session(self, *, causal_consistency: bool, snapshot: bool) -> SessionHandle | Awaitable[SessionHandle]:
        """Start a session, at once or when it is awaited; nothing is sent yet."""
        ...
