"""Reads the books for ``wallet_core.audit``: everything as it was at one instant, while the service goes on.

All reads are in one snapshot session, so nothing that is posted meanwhile shows, and sums can be compared. Collections
are streamed in the order of their ids: wallets and entries are merged, records fetch the entries of their legs a chunk
at a time. Bounds: a few chunks in memory, whatever the size. The server keeps an instant for 300 s by default
(``minSnapshotHistoryWindowInSeconds``); an audit that takes longer ends with SnapshotLost, which says what to set.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from collections.abc import Collection as Some
from contextlib import aclosing
from typing import TypeVar

from adapters.mongo.client import Database, Session
from adapters.mongo.collection import Collection
from adapters.mongo.documents import entry_from_document, entry_key, record_from_document, wallet_from_document
from adapters.mongo.fields import id_to, texts_of_ids
from adapters.mongo.handles import Document
from wallet_core.audit import BooksAudit, Finding, Summary, WalletAudit
from wallet_core.errors import LedgerCorrupted
from wallet_core.ledger import Entry, TransactionRecord
from wallet_core.record_audit import EntryKey, key_of

T = TypeVar("T")
Findings = AsyncGenerator[Finding, None]

CHUNK = 1_000
"""Documents that are looked at together: with the entries of their legs some 3 MB."""


class MongoAudit:
    """One audit of a database. ``summary`` can be read at any time, to show how far it is."""

    def __init__(self, database: Database) -> None:
        """Take the database; nothing is read yet."""
        self._database = database
        self._books = BooksAudit()

    @property
    def summary(self) -> Summary:
        """What has been looked at so far."""
        return self._books.summary

    async def findings(self) -> Findings:
        """
        Read everything once and give each contradiction; close the generator when leaving it early (``aclosing``).

        Raises StoreUnavailable, also as errors.SnapshotLost when it takes longer than the server keeps an instant.
        """
        session = await self._database.start_session(snapshot=True)
        try:
            reading = _Reading(self._database, session, self._books)
            for read in (reading.wallets, reading.records, reading.outbox, reading.unclaimed):
                async with aclosing(read()) as findings:
                    async for finding in findings:
                        yield finding
            for finding in self._books.end():
                yield finding
        finally:
            await session.end()


class _Reading:
    """The passes of one audit, all in one snapshot."""

    def __init__(self, database: Database, session: Session, books: BooksAudit) -> None:
        self._wallets = database.collection("wallets", session)
        self._entries = database.collection("entries", session)
        self._transactions = database.collection("transactions", session)
        self._outbox = database.collection("outbox", session)
        self._books = books
        self._unreadable_wallets: list[Finding] = []

    async def wallets(self) -> Findings:
        """Merge wallets and entries: both come in the order of the wallet's id."""
        async with aclosing(self._folds()) as folds, aclosing(_chunks(self._entries)) as chunks:
            fold = await anext(folds, None)
            async for documents in chunks:
                entries, unreadable = _parsed(documents, entry_from_document)
                for entry in entries:
                    while fold is not None and fold.wallet.id < entry.wallet_id:
                        for finding in self._books.end_wallet(fold):
                            yield finding
                        fold = await anext(folds, None)
                    for finding in self._take(fold, entry):
                        yield finding
                for finding in self._tell_unreadable("entry", unreadable):
                    yield finding
            while fold is not None:
                for finding in self._books.end_wallet(fold):
                    yield finding
                fold = await anext(folds, None)
        for finding in self._unreadable_wallets:
            yield finding

    async def records(self) -> Findings:
        """Check every record with the entries of its legs."""
        async with aclosing(_chunks(self._transactions)) as chunks:
            async for documents in chunks:
                records, unreadable = _parsed(documents, record_from_document)
                entries = await self._entries_of(records)
                for record in records:
                    for finding in self._books.record(record, entries):
                        yield finding
                for finding in self._tell_unreadable("transaction", unreadable):
                    yield finding

    async def outbox(self) -> Findings:
        """Check every row with the records that it names."""
        async with aclosing(_chunks(self._outbox)) as chunks:
            async for documents in chunks:
                for document in documents:
                    transaction_ids = texts_of_ids(document, "transactionIds")
                    records = await self._records_of(transaction_ids)
                    for finding in self._books.row(str(document["_id"]), transaction_ids, records):
                        yield finding

    async def unclaimed(self) -> Findings:
        """Name the entries that are no leg of their transaction, if there are any."""
        if not self._books.has_unclaimed:
            return
        async with aclosing(_chunks(self._entries)) as chunks:
            async for documents in chunks:
                entries, _ = _parsed(documents, entry_from_document)
                records = await self._records_of({entry.transaction_id for entry in entries})
                for entry in entries:
                    for finding in self._books.claim(entry, records.get(entry.transaction_id)):
                        yield finding

    def _take(self, fold: WalletAudit | None, entry: Entry) -> Some[Finding]:
        if fold is not None and fold.wallet.id == entry.wallet_id:
            return self._books.take(fold, entry)
        return self._books.orphan(entry)

    async def _folds(self) -> AsyncGenerator[WalletAudit, None]:
        """Begin the wallets that are ours, one by one; keep what cannot be read for the end."""
        async with aclosing(_chunks(self._wallets)) as chunks:
            async for documents in chunks:
                ours = [document for document in documents if "version" in document]
                self._books.summary.waiting += len(documents) - len(ours)
                wallets, unreadable = _parsed(ours, wallet_from_document)
                self._unreadable_wallets += self._tell_unreadable("wallet", unreadable)
                for wallet in wallets:
                    yield self._books.begin_wallet(wallet)

    def _tell_unreadable(self, noun: str, unreadable: Iterable[tuple[str, str]]) -> Iterator[Finding]:
        for id_, text in unreadable:
            yield from self._books.unreadable(f"{noun} {id_}", text)

    async def _entries_of(self, records: Iterable[TransactionRecord]) -> dict[EntryKey, Entry]:
        """Give the entries that records have as legs; an unreadable one is as good as absent, and told elsewhere."""
        keys = [
            entry_key(leg.wallet_id, leg.sequence)
            for record in records
            for leg in (*record.legs, *record.reversal_legs)
        ]
        documents = await self._entries.find({"_id": {"$in": keys}}, rows_expected=len(keys))
        entries, _ = _parsed(documents, entry_from_document)
        return {key_of(entry): entry for entry in entries}

    async def _records_of(self, transaction_ids: Some[str]) -> dict[str, TransactionRecord]:
        """Give records by id; an unreadable one is as good as absent, and told elsewhere."""
        query = {"_id": {"$in": [id_to(id_) for id_ in transaction_ids]}}
        documents = await self._transactions.find(query, rows_expected=len(transaction_ids))
        records, _ = _parsed(documents, record_from_document)
        return {record.id: record for record in records}


async def _chunks(collection: Collection) -> AsyncGenerator[list[Document], None]:
    """Give all documents of a collection in the order of their ids, CHUNK at a time."""
    chunk: list[Document] = []
    async with aclosing(collection.stream({}, sort=[("_id", 1)])) as documents:
        async for document in documents:
            chunk.append(document)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def _parsed(documents: Iterable[Document], parse: Callable[[Document], T]) -> tuple[list[T], list[tuple[str, str]]]:
    """Read documents; give the values, and id and error of what cannot be read."""
    values: list[T] = []
    unreadable: list[tuple[str, str]] = []
    for document in documents:
        try:
            values.append(parse(document))
        except LedgerCorrupted as error:
            unreadable.append((str(document["_id"]), str(error)))
    return values, unreadable
