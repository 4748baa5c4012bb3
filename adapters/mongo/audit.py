"""Reads the books for ``wallet_core.audit`` while the service goes on: right on a live system, however long it takes.

Everything is read in one snapshot, so nothing that is posted meanwhile shows, and sums can be compared. Three passes
(``audit_passes``) go through the collections in the order of their ids; two more only if legs and entries are not the
same.

Where a pass outlives the instant that the server keeps (``snapshot``: 300 s by default), it goes on at a later one from
where it was; ``summary.instants`` counts them. That stays right, for entries are only ever appended:

* a wallet's entries go on where they were, and are compared with the wallet as it is at the later instant;
* records are read after the entries, so some have legs whose entries were posted in between: these transactions are
  suspects, and each suspect is compared with its entries at one instant;
* only that the sums of all wallets and of all transactions agree cannot be said without a common instant, and is not:
  it follows from the rest.

It costs a look for each suspect, so for such books let the server keep its past for as long as an audit takes
(docs/operations.md). Bounds: a few pages in memory, whatever the size. An audit ends with SnapshotLost only where the
server does not even keep an instant for as long as one page takes.
"""

from __future__ import annotations

from contextlib import aclosing

from pymongo.errors import PyMongoError

from adapters.mongo.audit_passes import Findings, OutboxPass, Pass, RecordPass, WalletPass
from adapters.mongo.client import Database
from adapters.mongo.errors import SnapshotLost, core_error
from adapters.mongo.fields import integer
from adapters.mongo.snapshot import Snapshot
from adapters.mongo.suspect_passes import ClaimPass, LegPass
from wallet_core.audit import BooksAudit, Summary


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

    async def expected(self) -> int:
        """Count entries and transactions, which is nearly all that there is to look at. Raises StoreUnavailable."""
        try:
            replies = [await self._database.command({"count": name}) for name in ("entries", "transactions")]
        except PyMongoError as error:
            raise core_error(error, "entries") from error
        return sum(integer(reply, "n") for reply in replies)

    async def findings(self) -> Findings:
        """
        Read everything once and give each contradiction; close the generator when leaving it early (``aclosing``).

        Raises StoreUnavailable, also as errors.SnapshotLost.
        """
        instants = _Instants(self._database, self.summary)
        books = self._books
        try:
            for each in (WalletPass(books), RecordPass(books), OutboxPass(books), LegPass(books), ClaimPass(books)):
                async with aclosing(instants.through(each)) as findings:
                    async for finding in findings:
                        yield finding
            for finding in books.end():
                yield finding
        finally:
            await instants.close()


class _Instants:
    """Takes passes through one snapshot, and on through a later one when the server has dropped it."""

    def __init__(self, database: Database, summary: Summary) -> None:
        self._database = database
        self._summary = summary
        self._snapshot: Snapshot | None = None
        self._lost_at: object = None

    async def through(self, part: Pass) -> Findings:
        """Give all findings of a pass. Raises SnapshotLost where two snapshots in a row were lost at the same place."""
        while True:
            if self._snapshot is None:
                self._snapshot = await Snapshot.take(self._database)
            try:
                async with aclosing(part.findings(self._snapshot)) as findings:
                    async for finding in findings:
                        yield finding
            except SnapshotLost:
                if self._lost_at == (part, part.position):
                    raise
                self._lost_at = (part, part.position)
                self._summary.instants += 1
                await self.close()
            else:
                return

    async def close(self) -> None:
        """Give the session back."""
        if self._snapshot is not None:
            await self._snapshot.close()
            self._snapshot = None
