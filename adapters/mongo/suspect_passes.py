"""The passes of an audit that look up what does not cancel out: suspect transactions, from both sides.

A page and what it is compared with are read at one instant, so nothing that is posted meanwhile is taken for an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing

from adapters.mongo.audit_passes import Findings
from adapters.mongo.documents import entry_from_document, entry_key, record_from_document
from adapters.mongo.fields import id_to, identifier, integer, subdocument
from adapters.mongo.handles import Document
from adapters.mongo.snapshot import Snapshot
from wallet_core.audit import BooksAudit
from wallet_core.errors import LedgerCorrupted
from wallet_core.ledger import Entry, TransactionRecord
from wallet_core.leg_audit import EntryKey, key_of, leg_keys


class LegPass:
    """Compares the legs of every suspect transaction with their entries."""

    def __init__(self, books: BooksAudit) -> None:
        """Begin before the first transaction."""
        self._books = books
        self.position: object | None = None

    async def findings(self, snapshot: Snapshot) -> Findings:
        """Look at every suspect, if there are any."""
        if not self._books.has_suspects:
            return
        async with aclosing(snapshot.pages("transactions", self.position, projection={"_id": 1})) as pages:
            async for page in pages:
                suspects = [id_ for document in page if self._books.is_suspect(str(id_ := document["_id"]))]
                records = await records_of(snapshot, suspects)
                entries = await self._entries_of(snapshot, records)
                owners = await self._owners_of(snapshot, records)
                for record in records.values():
                    for finding in self._books.legs(record, entries, owners):
                        yield finding
                self.position = page[-1]["_id"]

    async def _entries_of(
        self, snapshot: Snapshot, records: Mapping[str, TransactionRecord]
    ) -> Mapping[EntryKey, Entry]:
        """Give the entries of the legs; an unreadable one is as good as absent, and told elsewhere."""
        keys = [entry_key(*key) for record in records.values() for key in leg_keys(record)]
        entries: dict[EntryKey, Entry] = {}
        for document in await snapshot.find("entries", keys):
            try:
                entry = entry_from_document(document)
            except LedgerCorrupted:
                continue
            entries[key_of(entry)] = entry
        return entries

    async def _owners_of(self, snapshot: Snapshot, records: Mapping[str, TransactionRecord]) -> Mapping[str, str]:
        """Give the owners of the legs' wallets; a wallet that is unreadable or not there is told elsewhere."""
        ids = {id_to(wallet_id) for record in records.values() for wallet_id, _ in leg_keys(record)}
        owners: dict[str, str] = {}
        for document in await snapshot.find("wallets", list(ids), projection={"userId": 1}):
            try:
                owners[identifier(document, "_id")] = identifier(document, "userId")
            except LedgerCorrupted:
                continue
        return owners


class ClaimPass:
    """Compares every entry that names a suspect transaction with that transaction's legs."""

    def __init__(self, books: BooksAudit) -> None:
        """Begin before the first entry."""
        self._books = books
        self.position: object | None = None

    async def findings(self, snapshot: Snapshot) -> Findings:
        """Look at every entry, if there are suspects."""
        if not self._books.has_suspects:
            return
        async with aclosing(snapshot.pages("entries", self.position, projection={"transactionId": 1})) as pages:
            async for page in pages:
                claims = [claim for document in page if (claim := self._claim(document)) is not None]
                records = await records_of(snapshot, list({id_to(id_) for _, id_ in claims}))
                for key, id_ in claims:
                    for finding in self._books.claim(key, id_, records.get(id_)):
                        yield finding
                self.position = page[-1]["_id"]

    def _claim(self, document: Document) -> tuple[EntryKey, str] | None:
        """Give an entry's key and the suspect that it names; an unreadable one is told elsewhere."""
        try:
            key, transaction_id = subdocument(document, "_id"), identifier(document, "transactionId")
            found = (identifier(key, "w"), integer(key, "n")), transaction_id
        except LedgerCorrupted:
            return None
        return found if self._books.is_suspect(transaction_id) else None


async def records_of(snapshot: Snapshot, ids: list[object]) -> Mapping[str, TransactionRecord]:
    """Give records by id; an unreadable one is as good as absent, and told elsewhere."""
    records: dict[str, TransactionRecord] = {}
    for document in await snapshot.find("transactions", ids):
        try:
            record = record_from_document(document)
        except LedgerCorrupted:
            continue
        records[record.id] = record
    return records
