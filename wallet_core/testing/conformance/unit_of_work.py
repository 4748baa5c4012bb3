"""What every unit of work must do: all or nothing, its own writes seen, values unchanged."""

# ruff: noqa: S101, PLR2004 - a suite speaks in asserts, and the numbers of an example are its meaning

from __future__ import annotations

import asyncio
from datetime import timedelta

from wallet_core.events import Vocabulary
from wallet_core.ledger import (
    Direction,
    Entry,
    EntryKind,
    Leg,
    SeenWallet,
    TransactionKind,
    TransactionRecord,
    TransactionState,
)
from wallet_core.ports import Books, StatementQuery
from wallet_core.testing.conformance.store import (
    ALICE,
    BOB,
    DORA,
    LONG_ID,
    NOON,
    TEXTS,
    Stop,
    Store,
    answer,
    credit,
    error_of,
    leg_of,
    open_wallet,
    page_of,
    stored_record,
    stored_records,
    stored_wallet,
    topup_record,
    transaction_id,
    usable_wallet,
)
from wallet_core.wallet import Cause, SuspendedWallet, Wallet

WAIT_S_MAX = 20.0
"""No wait of a suite is longer."""

MANY = 1_200
"""More than a batch has by default (500), and more than some databases take as parameters of one statement (999)."""


class UnitOfWorkSuite:
    """Provide the fixture ``store``: a fresh ``Store`` with empty books."""

    async def test_what_is_committed_is_there_afterwards(self, store: Store) -> None:
        """Wallets, records, entries and answers of a finished unit of work are all read by the next."""
        wallet = Wallet.open(ALICE, "USD", NOON)
        entry = wallet.credit(250, Cause(transaction_id(1), EntryKind.TOPUP, NOON))
        record = topup_record(1)._replace(legs=(leg_of(entry, ALICE),))

        async def write(books: Books) -> str:
            await books.wallets.open_many([wallet.after(entry)])
            await books.journal.record_many([record])
            await books.journal.append_many([entry])
            await books.outbox.add([record.id])
            return "written"

        assert await store.unit_of_work.run(write) == "written"
        assert await stored_wallet(store, ALICE) == wallet.after(entry)
        assert await stored_record(store, 1) == record
        assert await page_of(store.reader, StatementQuery(ALICE, 10)) == [entry]
        assert [row.transaction_ids for row in await store.pending_answers.pending(10)] == [(record.id,)]

    async def test_what_fails_leaves_nothing(self, store: Store) -> None:
        """An error inside a unit of work comes out as it is, and nothing that was written before it remains."""
        await open_wallet(store, BOB)
        problem = Stop("no")

        async def write_and_fail(books: Books) -> None:
            await credit(books, BOB, 100)
            await books.wallets.open_many([Wallet.open(ALICE, "USD", NOON)])
            await books.journal.record_many([topup_record(1)])
            await books.outbox.add([transaction_id(1)])
            raise problem

        assert await error_of(store.unit_of_work.run(write_and_fail)) is problem
        assert await stored_wallet(store, ALICE) is None
        assert await stored_wallet(store, BOB) == Wallet.open(BOB, "USD", NOON)
        assert await stored_record(store, 1) is None
        assert await page_of(store.reader, StatementQuery(BOB, 10)) == []
        assert await store.pending_answers.pending(10) == []

    async def test_what_is_cancelled_leaves_nothing(self, store: Store) -> None:
        """A unit of work whose task is cancelled leaves nothing, and does not block the next one."""
        await open_wallet(store, ALICE)
        is_writing = asyncio.Event()

        async def write_and_hang(books: Books) -> None:
            await credit(books, ALICE, 100)
            is_writing.set()
            await asyncio.Event().wait()

        hanging = asyncio.ensure_future(store.unit_of_work.run(write_and_hang))
        async with asyncio.timeout(WAIT_S_MAX):
            await is_writing.wait()
        hanging.cancel()
        await asyncio.wait({hanging}, timeout=WAIT_S_MAX)
        entry = await store.unit_of_work.run(lambda books: credit(books, ALICE, 7))

        assert hanging.cancelled()
        assert entry.balance_after_minor == 7

    async def test_a_unit_of_work_sees_its_own_writes(self, store: Store) -> None:
        """What a unit of work has written it reads back, before anybody else can."""
        wallet = Wallet.open(ALICE, "USD", NOON)

        async def write_and_read(books: Books) -> tuple[Wallet, TransactionRecord]:
            await books.wallets.open_many([wallet])
            await books.journal.record_many([topup_record(1)])
            records = await books.journal.get_transactions([transaction_id(1)])
            return await usable_wallet(books, ALICE), records[transaction_id(1)]

        assert await store.unit_of_work.run(write_and_read) == (wallet, topup_record(1))

    async def test_unknown_ids_are_absent(self, store: Store) -> None:
        """Reading ids of which nobody knows anything gives empty mappings."""

        async def read(books: Books) -> tuple[int, int]:
            wallets = await books.wallets.get_many([ALICE, DORA])
            records = await books.journal.get_transactions([transaction_id(1), "opening:none"])
            return len(wallets), len(records)

        assert await store.unit_of_work.run(read) == (0, 0)

    async def test_nothing_to_do_is_done(self, store: Store) -> None:
        """Every method takes an empty sequence, and a unit of work may be empty."""

        async def nothing(books: Books) -> None:
            await books.wallets.get_many([])
            await books.wallets.open_many([])
            await books.wallets.change_many([])
            await books.journal.get_transactions([])
            await books.journal.record_many([])
            await books.journal.change_many([])
            await books.journal.append_many([])
            assert await books.outbox.add([]) is None

        await store.unit_of_work.run(nothing)
        await store.unit_of_work.probe()

        assert await store.pending_answers.pending(10) == []

    async def test_many_are_as_good_as_one(self, store: Store) -> None:
        """A unit of work of a large batch is written, read and published as a whole, in its order."""
        wallets = [Wallet.open(f"user_{number}", "USD", NOON) for number in range(MANY)]
        entries = [
            wallet.credit(number, Cause(transaction_id(number), EntryKind.TOPUP, NOON))
            for number, wallet in enumerate(wallets, start=1)
        ]
        funded = [wallet.after(entry) for wallet, entry in zip(wallets, entries, strict=True)]
        records = [topup_record(number) for number in range(1, MANY + 1)]

        async def write(books: Books) -> None:
            await books.wallets.open_many(funded)
            await books.journal.record_many(records)
            await books.journal.append_many(entries)
            await books.outbox.add([record.id for record in records])

        async def read(books: Books) -> tuple[object, object]:
            wallets_read = await books.wallets.get_many([wallet.user_id for wallet in funded])
            return wallets_read, await books.journal.get_transactions([record.id for record in records])

        await store.unit_of_work.run(write)

        wallets_read, records_read = await store.unit_of_work.run(read)
        assert wallets_read == {wallet.user_id: wallet for wallet in funded}
        assert records_read == {record.id: record for record in records}
        (row,) = await store.pending_answers.pending(2)
        assert row.transaction_ids == tuple(record.id for record in records)
        assert len(await store.pending_answers.answers(row.transaction_ids)) == MANY

    async def test_values_come_back_unchanged(self, store: Store) -> None:
        """Every field of a wallet, an entry and a record is read back as it was written, set or not."""
        full = _full_record()
        assert all(getattr(full, name) != default for name, default in full._field_defaults.items()), (
            "a field is not set"
        )
        bare = TransactionRecord("free-id_7", TransactionState.VOID, Vocabulary.DOCUMENTED, "USD", NOON, NOON)
        wallet = Wallet.open(DORA, "JPY", NOON)
        first = wallet.credit(10**15, _full_cause())
        second = wallet.after(first).debit(1, Cause("free-id_7", EntryKind.TRANSFER, NOON + timedelta(milliseconds=1)))
        wallet = wallet.after(first).after(second)

        async def write(books: Books) -> None:
            await books.wallets.open_many([wallet])
            await books.journal.record_many([full, bare])
            await books.journal.append_many([first, second])

        await store.unit_of_work.run(write)

        assert await stored_wallet(store, DORA) == wallet
        assert await stored_records(store, full.id, bare.id) == {full.id: full, bare.id: bare}
        assert await page_of(store.reader, StatementQuery(DORA, 10)) == [second, first]

    async def test_texts_come_back_exactly(self, store: Store) -> None:
        """No text is cut, normalized or replaced, and the longest ids are as good as short ones."""
        wallet, entries = Wallet.open(LONG_ID, "USD", NOON), list[Entry]()
        for number, text in enumerate(TEXTS, start=1):
            id_ = f"{number}".rjust(64, "_")
            entries.append(wallet.credit(number, Cause(id_, EntryKind.TOPUP, NOON, None, LONG_ID, text)))
            wallet = wallet.after(entries[-1])
        bare = topup_record(1, revision=0)._replace(recipient_id=LONG_ID)
        records = [bare._replace(id=entry.transaction_id, reason=entry.description) for entry in entries]

        async def write(books: Books) -> None:
            await books.wallets.open_many([wallet])
            await books.journal.record_many(records)
            await books.journal.append_many(entries)

        await store.unit_of_work.run(write)

        assert await stored_wallet(store, LONG_ID) == wallet
        assert await page_of(store.reader, StatementQuery(LONG_ID, len(TEXTS))) == entries[::-1]
        by_id = {record.id: record for record in records}
        assert await stored_records(store, *by_id) == by_id

    async def test_ids_that_differ_in_case_are_two(self, store: Store) -> None:
        """The wallets of ``ada`` and ``ADA`` are two, and so are the transactions ``t-1`` and ``T-1``."""
        wallets = [Wallet.open(user_id, "USD", NOON) for user_id in ("ada", "ADA")]
        records = [topup_record(1, revision=0)._replace(id=id_) for id_ in ("t-1", "T-1")]

        async def write(books: Books) -> None:
            await books.wallets.open_many(wallets)
            await books.journal.record_many(records)

        await store.unit_of_work.run(write)
        entry = await store.unit_of_work.run(lambda books: credit(books, "ADA", 5))

        assert await store.reader.wallet_of("ada") == wallets[0]
        assert await store.reader.wallet_of("ADA") == wallets[1].after(entry)
        for record in records:
            assert await stored_records(store, record.id) == {record.id: record}

    async def test_a_wallet_that_waits_for_a_person_is_suspended(self, store: Store) -> None:
        """A wallet that could not be adopted is given as suspended, and never to a reader."""
        await open_wallet(store, BOB)
        await store.suspend(ALICE)

        async def read(books: Books) -> dict[str, Wallet | SuspendedWallet]:
            return dict(await books.wallets.get_many([ALICE, BOB]))

        assert await store.unit_of_work.run(read) == {
            ALICE: SuspendedWallet(ALICE),
            BOB: Wallet.open(BOB, "USD", NOON),
        }
        assert await store.reader.wallet_of(ALICE) is None


def _full_cause() -> Cause:
    """Say everything that a cause can say."""
    return Cause(
        transaction_id=transaction_id(255),
        kind=EntryKind.REVERSAL,
        now=NOON,
        occurred_at=NOON - timedelta(days=1, milliseconds=1),
        counterparty_id=BOB,
        description="Tür \N{SNOWMAN} 'quoted' $dollar",
        reverses_sequence=1,
    )


def _full_record() -> TransactionRecord:
    """Set every field of a record."""
    leg = Leg(ALICE, transaction_id(11), Direction.DEBIT, 10**15, 2**40)
    return TransactionRecord(
        id=transaction_id(255),
        state=TransactionState.REVERSAL_DUE,
        vocabulary=Vocabulary.DOCUMENTED,
        currency="USD",
        recorded_at=NOON,
        changed_at=NOON + timedelta(milliseconds=999),
        fingerprint="0123456789abcdef" * 4,
        kind=TransactionKind.TRANSFER,
        sender_id=ALICE,
        recipient_id=DORA,
        amount_minor=10**15,
        occurred_at=NOON - timedelta(days=365),
        legs=(leg, leg._replace(user_id=DORA, direction=Direction.CREDIT, sequence=1)),
        reversal_legs=(leg._replace(sequence=3), leg._replace(sequence=4)),
        answer=answer(255, 2)._replace(reason="r" * 200, user_id=DORA),
        reason="why \N{SNOWMAN}",
        due_since=NOON + timedelta(seconds=1),
        dead_letter_id="4d0e9a7c-0000-4000-8000-000000000000",
        is_legacy=True,
        seen=(SeenWallet(ALICE, 2**40), SeenWallet(DORA, None)),
    )
