"""The passes of an audit: each goes once through a collection, in the order of its ids, and feeds ``BooksAudit``.

A pass remembers its ``position`` and can be gone on with in another snapshot: what was counted is not counted again. It
moves on only after everything about a document, or about a page where documents are looked up together, is told.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from typing import Protocol

from bson import ObjectId

from adapters.mongo.documents import (
    answer_from_document,
    entry_from_document,
    is_ours,
    record_from_document,
    wallet_from_document,
)
from adapters.mongo.fields import RUN_AUDIT, id_to, subdocument
from adapters.mongo.handles import Document
from adapters.mongo.outbox_rows import row_from_document
from adapters.mongo.snapshot import Snapshot
from wallet_core.audit import BooksAudit, Finding, WalletAudit
from wallet_core.errors import LedgerCorrupted
from wallet_core.fields import usable_id
from wallet_core.ledger import Entry, TransactionRecord

Findings = AsyncGenerator[Finding, None]
Folds = AsyncGenerator[WalletAudit | Finding, None]

OUTBOX_PAGE = 20
"""Rows of the outbox in one page: a row holds up to 10,000 ids, a megabyte as Python's objects."""

ANSWERS_LOOKED_UP = 1_000
"""Answers that are looked up together."""


class Pass(Protocol):
    """One way through the books."""

    @property
    def position(self) -> object:
        """How far it is."""
        ...

    def findings(self, snapshot: Snapshot) -> Findings:
        """Go on from ``position`` to the end. Raises StoreUnavailable, also as errors.SnapshotLost."""
        ...


class WalletPass:
    """
    Merges wallets and entries: both come in the order of the wallet's id.

    At a later instant there are entries of wallets that were compared at an earlier one, or that were opened since
    behind the place where the pass is. They are not looked at: their wallet exists, so nothing is wrong with that.
    """

    def __init__(self, books: BooksAudit) -> None:
        """Begin before the first wallet."""
        self._books = books
        self._fold: WalletAudit | None = None
        self._wallet_after: object | None = None
        self._entry_after: object | None = None
        self._passed = ("", False)

    @property
    def position(self) -> object:
        """The last wallet begun and the last entry taken."""
        return self._wallet_after, self._entry_after

    async def findings(self, snapshot: Snapshot) -> Findings:
        """Fold every wallet."""
        await self._read_again(snapshot)
        entries = snapshot.pages("entries", self._entry_after)
        async with aclosing(self._folds(snapshot)) as folds, aclosing(entries) as pages:
            if self._fold is None:
                async for finding in self._next(folds):
                    yield finding
            async for page in pages:
                async for finding in self._taken(page, folds, snapshot):
                    yield finding
            while self._fold is not None:
                async for finding in self._next(folds):
                    yield finding

    async def _taken(self, page: Sequence[Document], folds: Folds, snapshot: Snapshot) -> Findings:
        """Check some entries, and the wallets that end between them."""
        for document in page:
            try:
                entry = _entry(document)
            except LedgerCorrupted as error:
                found = _unreadable(self._books, "entry", document, error)
            else:
                while self._fold is not None and self._fold.wallet.id < entry.wallet_id:
                    async for finding in self._next(folds):
                        yield finding
                if self._fold is not None and self._fold.wallet.id == entry.wallet_id:
                    found = self._books.take(self._fold, entry)
                else:
                    found = () if await self._is_passed(entry, snapshot) else self._books.orphan(entry)
            for finding in found:
                yield finding
            self._entry_after = document["_id"]

    async def _is_passed(self, entry: Entry, snapshot: Snapshot) -> bool:
        """Tell whether an entry belongs to a wallet that the pass has left behind at an earlier instant."""
        if self._books.summary.instants == 1:
            return False
        if self._passed[0] != entry.wallet_id:
            found = await snapshot.find("wallets", [id_to(entry.wallet_id)], projection={"_id": 1})
            self._passed = entry.wallet_id, bool(found)
        return self._passed[1]

    async def _read_again(self, snapshot: Snapshot) -> None:
        """See the wallet that is being folded as it is now: entries of now are about to follow."""
        if self._fold is not None:
            for document in await snapshot.find("wallets", [id_to(self._fold.wallet.id)]):
                self._fold.wallet = wallet_from_document(document)

    async def _next(self, folds: Folds) -> Findings:
        """End the present wallet and go on to the next; give what cannot be read on the way."""
        if self._fold is not None:
            ended, self._fold = self._fold, None
            for finding in self._books.end_wallet(ended):
                yield finding
        async for each in folds:
            if isinstance(each, WalletAudit):
                self._fold = each
                return
            yield each

    async def _folds(self, snapshot: Snapshot) -> Folds:
        """Begin the wallets that are ours, one by one; tell what cannot be read."""
        async with aclosing(snapshot.pages("wallets", self._wallet_after)) as pages:
            async for page in pages:
                for document in page:
                    self._wallet_after = document["_id"]
                    if not is_ours(document):
                        self._books.summary.waiting += 1
                        continue
                    try:
                        yield WalletAudit(wallet_from_document(document))
                    except LedgerCorrupted as error:
                        for finding in _unreadable(self._books, "wallet", document, error):
                            yield finding


class RecordPass:
    """Checks every record against its own state."""

    def __init__(self, books: BooksAudit) -> None:
        """Begin before the first transaction."""
        self._books = books
        self.position: object | None = None

    async def findings(self, snapshot: Snapshot) -> Findings:
        """Check every record."""
        async with aclosing(snapshot.pages("transactions", self.position)) as pages:
            async for page in pages:
                for document in page:
                    for finding in self._checked(document):
                        yield finding
                    self.position = document["_id"]

    def _checked(self, document: Document) -> Collection[Finding]:
        try:
            record = _record(document)
        except LedgerCorrupted as error:
            return _unreadable(self._books, "transaction", document, error)
        return self._books.record(record)


class OutboxPass:
    """Checks that there is an answer for everything that waits to be published."""

    def __init__(self, books: BooksAudit) -> None:
        """Begin before the oldest row."""
        self._books = books
        self.position: object | None = None

    async def findings(self, snapshot: Snapshot) -> Findings:
        """Check every row."""
        async with aclosing(snapshot.pages("outbox", self.position, rows_max=OUTBOX_PAGE)) as pages:
            async for page in pages:
                for document in page:
                    for finding in await self._checked(snapshot, document):
                        yield finding
                    self.position = document["_id"]

    async def _checked(self, snapshot: Snapshot, document: Document) -> Collection[Finding]:
        try:
            waiting = row_from_document(document).transaction_ids
        except LedgerCorrupted as error:
            return _unreadable(self._books, "outbox row", document, error)
        answered: set[str] = set()
        for first in range(0, len(waiting), ANSWERS_LOOKED_UP):
            answered |= await self._answered(snapshot, waiting[first : first + ANSWERS_LOOKED_UP])
        return self._books.row(str(document["_id"]), waiting, answered)

    async def _answered(self, snapshot: Snapshot, transaction_ids: Collection[str]) -> set[str]:
        """Give those that have an answer which the relay can read."""
        answered: set[str] = set()
        ids = [id_to(id_) for id_ in transaction_ids]
        for document in await snapshot.find("transactions", ids, projection={"answer": 1}):
            try:
                answer = answer_from_document(document)
            except LedgerCorrupted:
                continue  # told of its record
            if answer is not None:
                answered.add(answer.transaction_id)
        return answered


def _entry(document: Document) -> Entry:
    """Read an entry. Raises LedgerCorrupted, also for one under a key by which nobody would find it."""
    key = subdocument(document, "_id")
    if list(key) != ["w", "n"] or not isinstance(key["w"], ObjectId):
        raise LedgerCorrupted("its _id is not {w: ObjectId, n: number}")
    return entry_from_document(document)


def _record(document: Document) -> TransactionRecord:
    """Read a record. Raises LedgerCorrupted, also for one under an id by which nobody would find it."""
    record = record_from_document(document)
    if isinstance(document["_id"], str) and document["_id"] != id_to(usable_id(record.id) or record.id):
        raise LedgerCorrupted(
            "its _id is a text that should be an ObjectId: it is not found, and its transaction would be applied again"
        )
    return record


def _unreadable(books: BooksAudit, noun: str, document: Document, error: LedgerCorrupted) -> Collection[Finding]:
    id_ = document["_id"]
    subject = "/".join(map(str, id_.values())) if isinstance(id_, dict) else str(id_)
    return books.unreadable(f"{noun} {subject}", str(error).removesuffix(RUN_AUDIT))
