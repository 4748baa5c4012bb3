"""What a suite needs of an adapter, and the scenes that its tests set."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from wallet_core.events import FinalStatus, TransactionFinalized, Vocabulary
from wallet_core.ledger import Entry, EntryKind, Leg, TransactionKind, TransactionRecord, TransactionState
from wallet_core.memory import ManualClock, MemoryStore
from wallet_core.ports import Books, PendingAnswers, Reader, StatementQuery, UnitOfWork, WalletChange
from wallet_core.testing import events
from wallet_core.wallet import Cause, SuspendedWallet, Wallet

NOON = datetime(2025, 1, 15, 12, 0, tzinfo=UTC)
"""The instant at which scenes begin."""

ALICE, BOB = events.ALICE, events.BOB
DORA = "dora_4"
"""An id that is not 24 hex digits is as good as one that is."""

LONG_ID = "Aa0_-bCd" * 8
"""An id may have 64 characters."""

TEXTS = ("a\0b", "\N{MONEY BAG} \N{MONEY BAG}", "cafe\N{COMBINING ACUTE ACCENT}", " two spaces  ", "\N{SNOWMAN}" * 500)
"""What a neighbour may write as a reason or a description; 500 characters are the most that is kept."""

WAIT_S_MAX = 20.0
"""No wait of a suite is longer."""

transaction_id: Callable[[int], str] = events.transaction_id


@dataclass(frozen=True, slots=True)
class Store:
    """
    The storage ports of one adapter, over the same, empty books.

    ``suspend`` makes a user's wallet one that waits for a person. ``let_pass`` returns when at least that much time has
    passed on the clock that ends leases.
    """

    unit_of_work: UnitOfWork
    reader: Reader
    pending_answers: PendingAnswers
    suspend: Callable[[str], Awaitable[None]]
    let_pass: Callable[[timedelta], Awaitable[None]]


def memory_store(clock: ManualClock | None = None) -> Store:
    """Make empty books in memory, on this clock or one of their own."""
    time = clock or ManualClock()
    memory = MemoryStore(time)

    async def suspend(user_id: str) -> None:
        memory.suspend(user_id)

    async def let_pass(duration: timedelta) -> None:
        time.advance(duration)

    return Store(memory, memory, memory, suspend, let_pass)


class Stop(Exception):
    """Ends a unit of work from inside."""


async def error_of(awaitable: Awaitable[object]) -> Exception | None:
    """Await something that should fail; give its error, None when it did not fail."""
    try:
        await awaitable
    except Exception as error:  # noqa: BLE001 - decision: the test looks at whatever it is
        return error
    return None


async def first_error(store: Store, work: Callable[[Books], Awaitable[None]]) -> type[Exception] | None:
    """Give the error of ``work``'s first run; nothing of it is committed, and it does not run again."""
    errors: list[Exception | None] = []

    async def observed(books: Books) -> None:
        errors.append(await error_of(work(books)))
        raise Stop

    await error_of(store.unit_of_work.run(observed))
    return type(errors[0]) if errors[0] is not None else None


async def open_wallet(store: Store, user_id: str, now: datetime = NOON) -> Wallet:
    """Open an empty wallet in a unit of work of its own."""
    wallet = Wallet.open(user_id, "USD", now)

    async def work(books: Books) -> None:
        await books.wallets.open_many([wallet])

    await store.unit_of_work.run(work)
    return wallet


async def credit(
    books: Books, user_id: str, amount_minor: int, kind: EntryKind = EntryKind.TOPUP, now: datetime = NOON
) -> Entry:
    """Credit a wallet inside a unit of work, without a transaction's record."""
    wallet = await usable_wallet(books, user_id)
    entry = wallet.credit(amount_minor, Cause(transaction_id(amount_minor), kind, now))
    await books.wallets.change_many([WalletChange(wallet.version, wallet.after(entry))])
    await books.journal.append_many([entry])
    return entry


async def usable_wallet(books: Books, user_id: str) -> Wallet:
    """Read a wallet that must be there and usable."""
    wallet = (await books.wallets.get_many([user_id]))[user_id]
    assert isinstance(wallet, Wallet)  # noqa: S101 - a scene that is not as it should be fails the test
    return wallet


async def stored_wallet(store: Store, user_id: str) -> Wallet | SuspendedWallet | None:
    """Read a wallet in a unit of work of its own."""

    async def read(books: Books) -> Wallet | SuspendedWallet | None:
        return (await books.wallets.get_many([user_id])).get(user_id)

    return await store.unit_of_work.run(read)


async def stored_record(store: Store, number: int) -> TransactionRecord | None:
    """Read the record of ``transaction_id(number)`` in a unit of work of its own."""
    return (await stored_records(store, transaction_id(number))).get(transaction_id(number))


async def stored_records(store: Store, *ids: str) -> dict[str, TransactionRecord]:
    """Read records in a unit of work of its own."""

    async def read(books: Books) -> dict[str, TransactionRecord]:
        return dict(await books.journal.get_transactions(ids))

    return await store.unit_of_work.run(read)


async def page_of(reader: Reader, query: StatementQuery) -> Sequence[Entry] | None:
    """Read a user's entries, None when there is no wallet."""
    wallet = await reader.wallet_of(query.user_id)
    return None if wallet is None else await reader.entries(wallet, query)


async def fill_wallet(store: Store, user_id: str, entries: Sequence[tuple[EntryKind, datetime]]) -> list[Entry]:
    """Open a wallet and credit 1, 2, 3 ... minor units in one unit of work; give the entries, oldest first."""
    await open_wallet(store, user_id)

    async def work(books: Books) -> list[Entry]:
        return [await credit(books, user_id, number, kind, now) for number, (kind, now) in enumerate(entries, start=1)]

    return await store.unit_of_work.run(work)


def topup_record(number: int, revision: int = 1) -> TransactionRecord:
    """Give the record of a top-up that is applied (revision 1), reversed (2), or refused without an answer (0)."""
    state = (TransactionState.REFUSED, TransactionState.APPLIED, TransactionState.REVERSED)[revision]
    return TransactionRecord(
        id=transaction_id(number),
        state=state,
        vocabulary=Vocabulary.V1,
        currency="USD",
        recorded_at=NOON,
        changed_at=NOON,
        kind=TransactionKind.TOPUP,
        recipient_id=ALICE,
        amount_minor=100,
        answer=answer(number, revision) if revision else None,
        reason="Transaction failed" if revision != 1 else None,
    )


def answer(number: int, revision: int) -> TransactionFinalized:
    """Give the answer of a top-up: completed, and failed once it is reversed."""
    is_completed = revision == 1
    return TransactionFinalized(
        transaction_id=transaction_id(number),
        revision=revision,
        status=FinalStatus.COMPLETED if is_completed else FinalStatus.FAILED,
        reason=None if is_completed else "Transaction failed",
        user_id=ALICE,
        vocabulary=Vocabulary.V1,
        finalized_at=NOON,
    )


def leg_of(entry: Entry, user_id: str) -> Leg:
    """Give an entry as a leg of its transaction."""
    return Leg(user_id, entry.wallet_id, entry.direction, entry.amount_minor, entry.sequence)
