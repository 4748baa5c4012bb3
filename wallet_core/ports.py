"""The ports: what the core needs from the outside, as Protocols, each method with what it may raise.

::

    write side   UnitOfWork.run(work) hands Books (wallets, journal, outbox) to work; all or nothing
    read side    Reader (balances, statements)
    answers      PendingAnswers (the outbox seen by the relay), EventBus (what publishes)
    time         Clock

Adapters do not inherit from these; mypy checks the fit where they are wired. ``wallet_core.memory`` has an adapter of
each. Every method takes sequences: one is a batch of one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from wallet_core.events import TransactionFinalized
from wallet_core.ledger import Entry, EntryKind, TransactionRecord
from wallet_core.wallet import SuspendedWallet, Wallet

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WalletChange:
    """A wallet's next state, valid only while the stored one still has ``version_before``."""

    version_before: int
    wallet: Wallet


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A transaction's next record, valid while the stored one equals ``before`` in state, revision and dead letter."""

    before: TransactionRecord
    record: TransactionRecord


class WalletRepository(Protocol):
    """The wallets, inside one unit of work."""

    async def get_many(self, user_ids: Collection[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        """Give these users' wallets by user id; who has none is absent. Raises StoreUnavailable, ConcurrentUpdate."""
        ...

    async def open_many(self, wallets: Sequence[Wallet]) -> None:
        """Add new wallets. Raises ConcurrentUpdate if one exists by now, StoreUnavailable, StoreRejected."""
        ...

    async def change_many(self, changes: Sequence[WalletChange]) -> None:
        """
        Replace wallets. Raises ConcurrentUpdate if one has moved on by now, StoreUnavailable, StoreRejected.

        No two changes of one wallet may be in one call.
        """
        ...


class Journal(Protocol):
    """The transactions and the entries, inside one unit of work. Entries are only ever appended."""

    async def get_transactions(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionRecord]:
        """Give the records by id; unknown ids are absent. Raises StoreUnavailable, ConcurrentUpdate."""
        ...

    async def record_many(self, records: Sequence[TransactionRecord]) -> None:
        """Add new records. Raises ConcurrentUpdate if one is known by now, StoreUnavailable, StoreRejected."""
        ...

    async def change_many(self, changes: Sequence[RecordChange]) -> None:
        """Replace records. Raises ConcurrentUpdate if one has changed by now, StoreUnavailable, StoreRejected."""
        ...

    async def append_many(self, entries: Sequence[Entry]) -> None:
        """Append entries. Raises StoreRejected if a sequence is taken, ConcurrentUpdate, StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class PendingRow:
    """One row of the outbox: transactions of one unit of work whose answers are not yet confirmed as published."""

    id: str
    transaction_ids: tuple[str, ...]
    created_at: datetime


class Outbox(Protocol):
    """Which transactions have an answer to publish, inside one unit of work."""

    async def add(self, transaction_ids: Sequence[str]) -> PendingRow | None:
        """
        Remember to publish the current answers of these transactions; gives the row that waits once this is committed.

        None without transactions: then there is no row. Raises StoreUnavailable, StoreRejected.
        """
        ...


class Books(Protocol):
    """Everything that one unit of work may read and write."""

    @property
    def wallets(self) -> WalletRepository:
        """The wallets."""
        ...

    @property
    def journal(self) -> Journal:
        """Transactions and entries."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Answers to publish."""
        ...


class UnitOfWork(Protocol):
    """The all-or-nothing storage boundary. Holds no state of a request: one instance serves all tasks."""

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        """
        Run ``work`` on a consistent view of the books and commit what it wrote, or nothing of it.

        ``work`` may run several times, so it draws no ids and no time. When it returns here the effect is durable.
        Raises ConcurrentUpdate when every try lost its race, StoreUnavailable when the database is away or did not say
        how the commit ended (it may have happened), StoreRejected when the content of a write is refused, and whatever
        ``work`` raises.
        """
        ...

    async def probe(self) -> None:
        """Commit an empty unit of work. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class StatementQuery:
    """
    Which entries of a wallet to read, newest first, and at most how many (``limit``).

    ``before_sequence`` continues an earlier page (exclusive). ``recorded_from`` is inclusive, ``recorded_until`` not.
    """

    user_id: str
    limit: int
    before_sequence: int | None = None
    kind: EntryKind | None = None
    recorded_from: datetime | None = None
    recorded_until: datetime | None = None


class Reader(Protocol):
    """The read side, outside any unit of work. Reads only what a majority has."""

    async def wallet_of(self, user_id: str) -> Wallet | None:
        """Give a user's wallet; None when there is none that may be used. Raises StoreUnavailable."""
        ...

    async def entries(self, wallet: Wallet, query: StatementQuery) -> Sequence[Entry]:
        """
        Give at most ``limit`` entries of this wallet, newest first, as of its version: no later ones.

        Raises StoreUnavailable.
        """
        ...


class PendingAnswers(Protocol):
    """The outbox, seen by the relay."""

    async def hold_lease(self, holder: str, duration_ms: int) -> bool:
        """
        Take or prolong the one relay lease, by the storage's clock; False while another holder has it.

        Raises StoreUnavailable.
        """
        ...

    async def release_lease(self, holder: str) -> None:
        """Give the lease back if ``holder`` has it. Raises StoreUnavailable."""
        ...

    async def pending(self, rows_max: int, after: PendingRow | None = None) -> Sequence[PendingRow]:
        """Give the oldest rows, or the oldest behind ``after`` (which may be gone). Raises StoreUnavailable."""
        ...

    async def answers(
        self, transaction_ids: Collection[str], above_revision: int = 0
    ) -> Mapping[str, TransactionFinalized]:
        """
        Give the latest recorded answers by id, those of a revision higher than ``above_revision``.

        One that cannot be read is absent. Raises StoreUnavailable.
        """
        ...

    async def settle(self, row: PendingRow, unpublished: Sequence[str]) -> None:
        """
        Shrink a row to what is still unpublished, or remove it when that is nothing; one that is gone stays gone.

        Raises StoreUnavailable.
        """
        ...

    async def put_back(self, transaction_ids: Sequence[str]) -> None:
        """Add a row for transactions about which what was published last may be old. Raises StoreUnavailable."""
        ...

    async def backlog(self) -> tuple[int, datetime | None]:
        """Count the rows (up to an adapter's bound) and give the time of the oldest. Raises StoreUnavailable."""
        ...


class EventBus(Protocol):
    """What publishes our answers."""

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """
        Publish each answer with its stable message id; True for each that the broker took responsibility for.

        False means: not routed, refused, or unknown (no confirmation in time). Publishing again is harmless. Does not
        raise for an absent broker: everything is then False. No two answers of one transaction may be in one call.
        """
        ...


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Give the current instant, aware, in UTC, cut to milliseconds. Raises nothing."""
        ...
