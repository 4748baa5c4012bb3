"""``wallet migrate --transactions-url``: v1's transactions become legacy records, so that none is applied twice.

Reads the ``transactions`` of v1's transactions service once, in the order of their ids, and nothing else of that
database, which may be a standalone server: only what a majority has, from the primary. Writes records into ours, a
batch per unit of work. What is known already stays as it is, so it may be stopped at any point and run again. An
undecided one is settled by ``Completed`` alone: ``Failed`` may be what the transactions service has made of it itself,
tired of waiting for the answer of a v1 that had applied it.

Bounds: one batch in memory, whatever the number of transactions; what must be shown is told one by one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pymongo import DeleteOne
from pymongo.errors import PyMongoError

from adapters.mongo.client import Database, Session
from adapters.mongo.collection import STREAM_BATCH
from adapters.mongo.cutover import keep_instant, not_applied, require_same_instant
from adapters.mongo.errors import UnsuitableStore, core_error
from adapters.mongo.fields import id_to, integer, subdocument, subdocuments
from adapters.mongo.handles import Document
from adapters.mongo.repositories import MongoBooks
from adapters.mongo.unit_of_work import run_in_transaction
from adapters.mongo.v1_books import hold_money
from adapters.mongo.v1_transaction import FIELDS_READ, KNOWN_ONES, Decision, Later, Left, Settled, Undecided, decide
from wallet_core.errors import StoreRejected
from wallet_core.ledger import TransactionRecord, TransactionState
from wallet_core.policy import Policy
from wallet_core.ports import Clock, RecordChange

BATCH_TRANSACTIONS = 500
"""Transactions per unit of work: a sixth of what a batch of events may hold, so nobody waits long for its wallets."""

TRANSACTIONS = "transactions"
"""The collection, in v1's database as in ours (contract)."""

WRONG_SOURCE = "--transactions-url must name that of v1's transactions service, such as mint_txns"
IF_LOST = "Only if that is lost, say --without-transactions"


FAILED_SINCE = (
    "Failed by its status now, which does not say whether v1 had applied it. If it had not, say --not-applied and type "
    "'wallet migrate' again: then it is refused"
)


MALFORMED = (
    "transaction {id} of the database {where} cannot be read ({why}): back it up, mend or remove the field, and type "
    "this again"
)

FIELDS = dict.fromkeys(FIELDS_READ, 1)


class Finding(StrEnum):
    """Why a transaction is listed."""

    UNDECIDED = "undecided"
    RELEASED = "released"
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Listed:
    """A transaction that a person should know of."""

    transaction_id: str
    finding: Finding
    text: str


@dataclass(slots=True)
class SeedReport:
    """
    What a seeding has done so far, of ``total`` transactions.

    ``applied`` and ``refused`` before us are recorded now, ``known`` were recorded already, ``later`` were created
    after v1 had stopped. ``findings`` counts what was listed.
    """

    total: int = 0
    seen: int = 0
    applied: int = 0
    refused: int = 0
    known: int = 0
    later: int = 0
    findings: dict[Finding, int] = field(default_factory=lambda: dict.fromkeys(Finding, 0))


class Seeding:
    """One pass over v1's transactions. ``report`` can be read at any time, to show how far it is."""

    def __init__(
        self, source: Database, books: Database, policy: Policy, clock: Clock, v1_stopped_at: datetime | None
    ) -> None:
        """Take v1's database and our prepared one; nothing is read yet."""
        self._source = source
        self._books = books
        self._policy = policy
        self._clock = clock
        self._v1_stopped_at = v1_stopped_at
        self.report = SeedReport()

    async def check(self) -> None:
        """
        See that the source is v1's: a wrong name would seed nothing and look well. Writes nothing.

        Takes over the instant that an earlier run has kept. Raises UnsuitableStore when the source is not v1's, or the
        instant another one, and StoreUnavailable.
        """
        self._v1_stopped_at = await require_same_instant(self._books, self._v1_stopped_at)
        try:
            source, ours = await _information(self._source), await _information(self._books)
            if source is None:
                raise UnsuitableStore(f"the database {self._source.name} has no {TRANSACTIONS}: {WRONG_SOURCE}")
            if ours is not None and source.get("uuid") == ours.get("uuid"):
                raise UnsuitableStore(
                    f"the database {self._source.name} holds the books of the wallets: {WRONG_SOURCE}"
                )
            self.report.total = integer(await self._source.command({"count": TRANSACTIONS}), "n")
        except PyMongoError as error:
            raise core_error(error, TRANSACTIONS) from error
        await self._check_content()

    async def _check_content(self) -> None:
        """See that there are transactions where there must be, and that they are v1's."""
        where = f"{TRANSACTIONS} of the database {self._source.name}"
        if not self.report.total:
            if await hold_money(self._books):
                raise UnsuitableStore(f"{where} is empty, and v1's wallets hold money: {WRONG_SOURCE}. {IF_LOST}")
            return
        source = self._source.collection(TRANSACTIONS)
        if not await source.find(KNOWN_ONES, projection={"_id": 1}, limit=1, rows_expected=1):
            raise UnsuitableStore(f"{where} holds none with a status and a type of v1's: {WRONG_SOURCE}. {IF_LOST}")

    async def run(self, tell: Callable[[Listed], None]) -> None:
        """
        Record every transaction; ``tell`` gets each one to list, after its batch is committed.

        Keeps the instant of v1's end first, for every later run. Raises UnsuitableStore if another run was faster with
        another one. After StoreUnavailable and ConcurrentUpdate run it again.
        """
        if self._v1_stopped_at is not None:
            await keep_instant(self._books, self._v1_stopped_at)
        async for documents in self._batches():
            batch = _Batch(self._books, self._decisions(documents))
            await run_in_transaction(self._books, batch.store)
            self._count(batch, len(documents))
            for listed in batch.listed:
                tell(listed)

    async def _batches(self) -> AsyncGenerator[list[Document], None]:
        batch: list[Document] = []
        async with aclosing(self._documents()) as documents:
            async for document in documents:
                batch.append(document)
                if len(batch) == BATCH_TRANSACTIONS:
                    yield batch
                    batch = []
        if batch:
            yield batch

    async def _documents(self) -> AsyncGenerator[Document, None]:
        last: object | None = None
        stream = self._source.collection(TRANSACTIONS).stream({}, projection=FIELDS, sort=[("_id", 1)])
        async with aclosing(stream):
            try:
                async for document in stream:
                    last = document["_id"]
                    yield document
            except (ValueError, StoreRejected) as error:  # the driver cannot read a document of this fetch
                raise await self._malformed(last, error) from None

    async def _malformed(self, last: object | None, error: Exception) -> UnsuitableStore:
        """Name the first document after ``last`` that the driver cannot read, among as many as one fetch may have."""
        source = self._source.collection(TRANSACTIONS)
        for found in await source.page(last, STREAM_BATCH, {"_id": 1}):
            try:
                await source.find({"_id": found["_id"]}, projection=FIELDS, rows_expected=1)
            except (ValueError, StoreRejected) as why:
                return UnsuitableStore(MALFORMED.format(id=found["_id"], where=self._source.name, why=why))
        return UnsuitableStore(MALFORMED.format(id=f"after {last}", where=self._source.name, why=error))

    def _decisions(self, documents: Sequence[Document]) -> list[Decision]:
        now = self._clock.now()
        return [decide(document, self._policy, self._v1_stopped_at, now) for document in documents]

    def _count(self, batch: _Batch, documents: int) -> None:
        states = [record.state for record in (*batch.new, *(change.record for change in batch.changed))]
        self.report.seen += documents
        self.report.applied += states.count(TransactionState.APPLIED)
        self.report.refused += states.count(TransactionState.REFUSED)
        self.report.known += batch.known
        self.report.later += batch.later
        for listed in batch.listed:
            self.report.findings[listed.finding] += 1


class _Batch:
    """Some transactions, stored in one unit of work; ``store`` may run several times. Then it says what was done."""

    def __init__(self, database: Database, decisions: Sequence[Decision]) -> None:
        self._database = database
        self._decisions = decisions
        self._begin()

    def _begin(self) -> None:
        self.new: list[TransactionRecord] = []
        self.changed: list[RecordChange] = []
        self.released: list[TransactionRecord] = []
        self.not_applied: AbstractSet[str] = frozenset()
        self.known = self.later = 0
        self.listed: list[Listed] = []

    async def store(self, session: Session) -> None:
        self._begin()
        books = MongoBooks(self._database, session)
        ids = [decision.transaction_id for decision in self._decisions if not isinstance(decision, Left)]
        known = await books.journal.get_transactions(ids)
        self.not_applied = await not_applied(self._database, session, ids)
        for decision in self._decisions:
            self._sort(decision, known.get(decision.transaction_id))
        await books.journal.change_many(self.changed)
        await books.journal.record_many(self.new)
        released = [DeleteOne({"_id": id_to(record.id), "state": record.state.value}) for record in self.released]
        await self._database.collection(TRANSACTIONS, session).write_many(released)

    def _sort(self, decision: Decision, before: TransactionRecord | None) -> None:
        """Compare what v1's database says of a transaction with what we have recorded."""
        match decision:
            case Left():
                self._list(decision.transaction_id, Finding.LEFT, decision.reason)
            case Later():
                self._sort_later(before)
            case Settled():
                self._sort_settled(decision, before)
            case Undecided():
                self._sort_undecided(decision, before)

    def _sort_later(self, before: TransactionRecord | None) -> None:
        """Count it; one that an earlier run took for undecided may be applied after all."""
        self.later += 1
        if before is not None and before.state is TransactionState.UNDECIDED:
            self.released.append(before)
            self._list(before.id, Finding.RELEASED, "undecided until now; it was created after v1 had stopped")

    def _sort_settled(self, decision: Settled, before: TransactionRecord | None) -> None:
        record = decision.record
        if before is None:
            self.new.append(record)
            if decision.unreadable is not None:
                self._list(record.id, Finding.UNREADABLE, f"{record.state} before us; {decision.unreadable}")
            if record.state is TransactionState.APPLIED and record.id in self.not_applied:
                self._list(
                    record.id, Finding.CHANGED, "not applied by v1, as somebody said, and Completed by its status"
                )
        elif before.state is TransactionState.UNDECIDED and record.state is TransactionState.APPLIED:
            self.changed.append(RecordChange(before, record))
        elif before.state is TransactionState.UNDECIDED:
            self.known += 1
            self._list(record.id, Finding.UNDECIDED, FAILED_SINCE)
        else:
            self.known += 1
            if before.is_legacy and before.state is not record.state:
                self._list(record.id, Finding.CHANGED, f"recorded as {before.state}, {record.state} by its status now")

    def _sort_undecided(self, decision: Undecided, before: TransactionRecord | None) -> None:
        is_new = before is None and decision.transaction_id not in self.not_applied
        if is_new:
            self.new.append(decision.record)
        else:
            self.known += 1
        if is_new or (before is not None and before.state is TransactionState.UNDECIDED):
            self._list(decision.transaction_id, Finding.UNDECIDED, decision.text)

    def _list(self, transaction_id: str, finding: Finding, text: str) -> None:
        self.listed.append(Listed(transaction_id, finding, text))


async def _information(database: Database) -> Document | None:
    """Give what the server knows of the collection; None when there is none."""
    reply = await database.command({"listCollections": 1, "filter": {"name": TRANSACTIONS}})
    found = subdocuments(subdocument(reply, "cursor"), "firstBatch")
    return subdocument(found[0], "info") if found else None
