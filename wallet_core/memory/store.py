"""The books in memory.

A unit of work reads what is committed, writes into a buffer of its own, and commits the buffer in one step, if nothing
that it read has changed meanwhile; else it has lost a race and runs again. That is stricter than MongoDB, whose
transactions lose a race only about what they write: a race that is lost here may be none there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

from wallet_core.audit import Finding, Summary
from wallet_core.errors import ConcurrentUpdate, StoreRejected
from wallet_core.events import TransactionFinalized
from wallet_core.ledger import Entry, TransactionRecord
from wallet_core.memory.audit import audit_books
from wallet_core.ports import Books, Clock, PendingRow, RecordChange, StatementQuery, WalletChange
from wallet_core.wallet import SuspendedWallet, Wallet

T = TypeVar("T")

ATTEMPTS_MAX = 10
"""Tries of one unit of work. In memory the winner of a race is done at once, so ten lost in a row is a defect."""


@dataclass(slots=True)
class _Committed:
    wallets: dict[str, Wallet | SuspendedWallet] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    transactions: dict[str, TransactionRecord] = field(default_factory=dict)
    outbox: dict[str, PendingRow] = field(default_factory=dict)
    row_numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_row(self, transaction_ids: Sequence[str], now: datetime) -> PendingRow:
        return PendingRow(str(next(self.row_numbers)), tuple(transaction_ids), now)


class MemoryStore:
    """
    The whole storage side in memory: UnitOfWork, Reader and PendingAnswers, whose methods do what these ports say.

    Nothing here raises StoreUnavailable: memory is never away.
    """

    def __init__(self, clock: Clock) -> None:
        """Start with empty books; ``clock`` stamps outbox rows and ends leases."""
        self._clock = clock
        self._committed = _Committed()
        self._lease: tuple[str, datetime] | None = None

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        """Run ``work`` until it commits. Raises ConcurrentUpdate after ten lost races, and whatever ``work`` raises."""
        for _ in range(ATTEMPTS_MAX):
            books = _MemoryBooks(self._committed, self._clock)
            try:
                result = await work(books)
                books.commit()
            except ConcurrentUpdate:
                continue
            except Exception:
                if books.has_read_what_changed():
                    continue
                raise
            return result
        msg = f"lost {ATTEMPTS_MAX} races in a row"
        raise ConcurrentUpdate(msg)

    async def probe(self) -> None:
        """Do nothing: memory is never away."""

    async def wallet_of(self, user_id: str) -> Wallet | None:
        """Give a user's wallet, None when there is none that may be used."""
        wallet = self._committed.wallets.get(user_id)
        return wallet if isinstance(wallet, Wallet) else None

    async def entries(self, wallet: Wallet, query: StatementQuery) -> Sequence[Entry]:
        """Give one page of a wallet's entries as of its version, newest first."""
        newest_first = reversed(self._committed.entries.get(wallet.id, [])[: wallet.version])
        return [entry for entry in newest_first if _is_asked_for(entry, query)][: query.limit]

    async def hold_lease(self, holder: str, duration_ms: int) -> bool:
        """Take or prolong the relay's lease; False while another holder has it."""
        now = self._clock.now()
        if self._lease is not None and self._lease[0] != holder and self._lease[1] > now:
            return False
        self._lease = (holder, now + timedelta(milliseconds=duration_ms))
        return True

    async def release_lease(self, holder: str) -> None:
        """Give the lease back."""
        if self._lease is not None and self._lease[0] == holder:
            self._lease = None

    async def pending(self, rows_max: int, after: PendingRow | None = None) -> Sequence[PendingRow]:
        """Give the oldest rows of the outbox, or of those behind ``after``."""
        rows = sorted(self._committed.outbox.values(), key=_number)
        return [row for row in rows if after is None or _number(row) > _number(after)][:rows_max]

    async def answers(
        self, transaction_ids: Collection[str], above_revision: int = 0
    ) -> Mapping[str, TransactionFinalized]:
        """Give the latest recorded answers by id, those of a revision higher than ``above_revision``."""
        records = (self._committed.transactions.get(id_) for id_ in transaction_ids)
        answers = (record.answer for record in records if record is not None)
        return {
            answer.transaction_id: answer
            for answer in answers
            if answer is not None and answer.revision > above_revision
        }

    async def settle(self, row: PendingRow, unpublished: Sequence[str]) -> None:
        """Shrink or remove a row."""
        if not unpublished:
            self._committed.outbox.pop(row.id, None)
        elif row.id in self._committed.outbox:
            self._committed.outbox[row.id] = PendingRow(row.id, tuple(unpublished), row.created_at)

    async def put_back(self, transaction_ids: Sequence[str]) -> None:
        """Add a row."""
        row = self._committed.new_row(transaction_ids, self._clock.now())
        self._committed.outbox[row.id] = row

    async def backlog(self) -> tuple[int, datetime | None]:
        """Count the rows of the outbox and give the time of the oldest."""
        rows = self._committed.outbox.values()
        return len(rows), min((row.created_at for row in rows), default=None)

    def audit(self) -> tuple[list[Finding], Summary]:
        """Check the books as ``wallet audit`` does: give what does not fit, and what was looked at."""
        committed = self._committed
        entries = [entry for of_wallet in committed.entries.values() for entry in of_wallet]
        outbox = {row.id: row.transaction_ids for row in committed.outbox.values()}
        return audit_books(self.wallets(), entries, committed.transactions.values(), outbox)

    def suspend(self, user_id: str) -> None:
        """Make the user's wallet one that waits for a person, as an adoption does with what it cannot adopt."""
        self._committed.wallets[user_id] = SuspendedWallet(user_id)

    def wallets(self) -> Sequence[Wallet]:
        """Give every usable wallet."""
        return [wallet for wallet in self._committed.wallets.values() if isinstance(wallet, Wallet)]

    def entries_of(self, wallet_id: str) -> Sequence[Entry]:
        """Give a wallet's entries, oldest first."""
        return tuple(self._committed.entries.get(wallet_id, ()))

    def transactions(self) -> Sequence[TransactionRecord]:
        """Give every record."""
        return tuple(self._committed.transactions.values())


class _MemoryBooks:
    """What one unit of work reads and writes; is itself all three repositories of ``ports.Books`` through its parts."""

    def __init__(self, committed: _Committed, clock: Clock) -> None:
        self._committed = committed
        self.wallets = _MemoryWallets(committed.wallets)
        self.journal = _MemoryJournal(committed)
        self.outbox = _MemoryOutbox(committed, clock)

    def has_read_what_changed(self) -> bool:
        return self.wallets.has_read_what_changed() or self.journal.has_read_what_changed()

    def commit(self) -> None:
        """Take over all writes in one step. Raises ConcurrentUpdate if something that was read has changed."""
        if self.has_read_what_changed():
            msg = "something that was read has changed"
            raise ConcurrentUpdate(msg)
        committed = self._committed
        committed.wallets.update(self.wallets.written)
        committed.transactions.update(self.journal.written)
        for entry in self.journal.appended:
            committed.entries.setdefault(entry.wallet_id, []).append(entry)
        committed.outbox.update(self.outbox.added)


class _MemoryWallets:
    def __init__(self, committed: Mapping[str, Wallet | SuspendedWallet]) -> None:
        self._committed = committed
        self._read: dict[str, Wallet | SuspendedWallet | None] = {}
        self.written: dict[str, Wallet | SuspendedWallet] = {}

    async def get_many(self, user_ids: Collection[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        current = {user_id: self._current(user_id) for user_id in user_ids}
        return {user_id: wallet for user_id, wallet in current.items() if wallet is not None}

    async def open_many(self, wallets: Sequence[Wallet]) -> None:
        for wallet in wallets:
            if self._current(wallet.user_id) is not None:
                msg = f"user {wallet.user_id} has a wallet by now"
                raise ConcurrentUpdate(msg)
            self.written[wallet.user_id] = wallet

    async def change_many(self, changes: Sequence[WalletChange]) -> None:
        for change in changes:
            current = self._current(change.wallet.user_id)
            if not isinstance(current, Wallet) or current.version != change.version_before:
                msg = f"wallet {change.wallet.id} is not at version {change.version_before} any more"
                raise ConcurrentUpdate(msg)
            self.written[change.wallet.user_id] = change.wallet

    def has_read_what_changed(self) -> bool:
        return any(self._committed.get(user_id) is not wallet for user_id, wallet in self._read.items())

    def _current(self, user_id: str) -> Wallet | SuspendedWallet | None:
        if user_id in self.written:
            return self.written[user_id]
        return self._read.setdefault(user_id, self._committed.get(user_id))


class _MemoryJournal:
    def __init__(self, committed: _Committed) -> None:
        self._committed = committed
        self._read: dict[str, TransactionRecord | None] = {}
        self.written: dict[str, TransactionRecord] = {}
        self.appended: list[Entry] = []

    async def get_transactions(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionRecord]:
        current = {id_: self._current(id_) for id_ in transaction_ids}
        return {id_: record for id_, record in current.items() if record is not None}

    async def record_many(self, records: Sequence[TransactionRecord]) -> None:
        for record in records:
            if self._current(record.id) is not None:
                msg = f"transaction {record.id} is known by now"
                raise ConcurrentUpdate(msg)
            self.written[record.id] = record

    async def change_many(self, changes: Sequence[RecordChange]) -> None:
        for change in changes:
            current = self._current(change.record.id)
            if current is None or _guarded(current) != _guarded(change.before):
                msg = f"transaction {change.record.id} is not {change.before.state} any more"
                raise ConcurrentUpdate(msg)
            self.written[change.record.id] = change.record

    async def append_many(self, entries: Sequence[Entry]) -> None:
        taken = {(entry.wallet_id, entry.sequence) for entry in self.appended}
        for entry in entries:
            stored = self._committed.entries.get(entry.wallet_id, ())
            if (entry.wallet_id, entry.sequence) in taken or entry.sequence <= len(stored):
                msg = f"entry {entry.wallet_id}/{entry.sequence} exists: run 'wallet audit'"
                raise StoreRejected(msg)
            taken.add((entry.wallet_id, entry.sequence))
            self.appended.append(entry)

    def has_read_what_changed(self) -> bool:
        return any(self._committed.transactions.get(id_) is not record for id_, record in self._read.items())

    def _current(self, transaction_id: str) -> TransactionRecord | None:
        if transaction_id in self.written:
            return self.written[transaction_id]
        return self._read.setdefault(transaction_id, self._committed.transactions.get(transaction_id))


class _MemoryOutbox:
    def __init__(self, committed: _Committed, clock: Clock) -> None:
        self._committed = committed
        self._clock = clock
        self.added: dict[str, PendingRow] = {}

    async def add(self, transaction_ids: Sequence[str]) -> PendingRow | None:
        if not transaction_ids:
            return None
        row = self._committed.new_row(transaction_ids, self._clock.now())
        self.added[row.id] = row
        return row


def _number(row: PendingRow) -> int:
    return int(row.id)


def _guarded(record: TransactionRecord) -> tuple[object, ...]:
    return record.state, record.revision, record.dead_letter_id


def _is_asked_for(entry: Entry, query: StatementQuery) -> bool:
    return (
        (query.before_sequence is None or entry.sequence < query.before_sequence)
        and (query.kind is None or entry.kind is query.kind)
        and (query.recorded_from is None or entry.recorded_at >= query.recorded_from)
        and (query.recorded_until is None or entry.recorded_at < query.recorded_until)
    )
