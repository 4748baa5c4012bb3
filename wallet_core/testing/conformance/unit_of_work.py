"""What every unit of work must do: all or nothing, races noticed, guards kept, values unchanged."""

# ruff: noqa: S101, PLR2004 - a suite speaks in asserts, and the numbers of an example are its meaning

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from wallet_core.errors import ConcurrentUpdate, StoreRejected
from wallet_core.events import Vocabulary
from wallet_core.ledger import Direction, EntryKind, Leg, TransactionKind, TransactionRecord, TransactionState
from wallet_core.ports import Books, RecordChange, StatementQuery, WalletChange
from wallet_core.testing.conformance.store import (
    ALICE,
    BOB,
    CAROL,
    NOON,
    Store,
    answer,
    credit,
    error_of,
    fill_wallet,
    leg_of,
    open_wallet,
    topup_record,
    transaction_id,
    usable_wallet,
)
from wallet_core.wallet import Cause, SuspendedWallet, Wallet

WAIT_S_MAX = 20.0
"""No wait of a suite is longer."""


class Stop(Exception):
    """Ends a unit of work from inside."""


class UnitOfWorkSuite:
    """Provide the fixture ``store``: a fresh ``Store`` with empty books."""

    async def test_what_is_committed_is_there_afterwards(self, store: Store) -> None:
        """Wallets, records, entries and answers of a finished unit of work are all read by the next."""
        wallet = Wallet.open(ALICE, "USD", NOON)
        entry = wallet.credit(250, Cause(transaction_id(1), EntryKind.TOPUP, NOON))
        record = replace(topup_record(1), legs=(leg_of(entry, ALICE),))

        async def write(books: Books) -> str:
            await books.wallets.open_many([wallet.after(entry)])
            await books.journal.record_many([record])
            await books.journal.append_many([entry])
            await books.outbox.add([record.id])
            return "written"

        assert await store.unit_of_work.run(write) == "written"
        assert await self._wallet(store, ALICE) == wallet.after(entry)
        assert await self._record(store, 1) == record
        assert await store.reader.entries(StatementQuery(ALICE, 10)) == [entry]
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
        assert await self._wallet(store, ALICE) is None
        assert await self._wallet(store, BOB) == Wallet.open(BOB, "USD", NOON)
        assert await self._record(store, 1) is None
        assert await store.reader.entries(StatementQuery(BOB, 10)) == []
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
            wallets = await books.wallets.get_many([ALICE, CAROL])
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
            await books.outbox.add([])

        await store.unit_of_work.run(nothing)
        await store.unit_of_work.probe()

        assert await store.pending_answers.pending(10) == []

    async def test_values_come_back_unchanged(self, store: Store) -> None:
        """Every field of a wallet, an entry and a record is read back as it was written, set or not."""
        full = _full_record()
        bare = TransactionRecord("free-id_7", TransactionState.VOID, Vocabulary.DOCUMENTED, "USD", NOON, NOON)
        wallet = Wallet.open(CAROL, "JPY", NOON)
        first = wallet.credit(10**15, _full_cause())
        second = wallet.after(first).debit(1, Cause("free-id_7", EntryKind.TRANSFER, NOON + timedelta(milliseconds=1)))
        wallet = wallet.after(first).after(second)

        async def write(books: Books) -> None:
            await books.wallets.open_many([wallet])
            await books.journal.record_many([full, bare])
            await books.journal.append_many([first, second])

        await store.unit_of_work.run(write)

        assert await self._wallet(store, CAROL) == wallet
        assert await self._records(store, full.id, bare.id) == {full.id: full, bare.id: bare}
        assert await store.reader.entries(StatementQuery(CAROL, 10)) == [second, first]

    async def test_a_lost_race_for_a_wallet_runs_again(self, store: Store) -> None:
        """Of two units of work that read the same wallet, one runs again on fresh state: no credit is lost."""
        await open_wallet(store, ALICE)

        async def credit_alice(books: Books, amount_minor: int) -> None:
            await credit(books, ALICE, amount_minor)

        runs = await self._race(store, credit_alice)

        wallet = await self._wallet(store, ALICE)
        assert runs == 3
        assert isinstance(wallet, Wallet)
        assert (wallet.balance_minor, wallet.version) == (3, 2)

    async def test_a_lost_race_to_open_a_wallet_runs_again(self, store: Store) -> None:
        """Of two units of work that open the same wallet, one runs again and finds it."""

        async def open_alice(books: Books, _: int) -> None:
            if ALICE not in await books.wallets.get_many([ALICE]):
                await books.wallets.open_many([Wallet.open(ALICE, "USD", NOON)])

        runs = await self._race(store, open_alice)

        assert runs == 3
        assert await self._wallet(store, ALICE) == Wallet.open(ALICE, "USD", NOON)

    async def test_a_lost_race_to_record_a_transaction_runs_again(self, store: Store) -> None:
        """Of two units of work that record the same transaction, one runs again and finds it: it is posted once."""
        await open_wallet(store, ALICE)

        async def post_once(books: Books, _: int) -> None:
            if not await books.journal.get_transactions([transaction_id(1)]):
                await books.journal.record_many([topup_record(1)])
                await credit(books, ALICE, 100)

        runs = await self._race(store, post_once)

        wallet = await self._wallet(store, ALICE)
        assert runs == 3
        assert isinstance(wallet, Wallet)
        assert wallet.balance_minor == 100

    async def test_units_of_work_on_different_wallets_do_not_meet(self, store: Store) -> None:
        """Two units of work at the same time, each on a wallet of its own, both run once."""
        await open_wallet(store, ALICE)
        await open_wallet(store, BOB)

        async def credit_one(books: Books, number: int) -> None:
            await credit(books, ALICE if number == 1 else BOB, number)

        assert await self._race(store, credit_one) == 2

    async def test_who_loses_every_race_is_told(self, store: Store) -> None:
        """A unit of work that loses again and again gives up with ConcurrentUpdate, after more than one try."""
        runs = 0

        async def lose(_: Books) -> None:
            nonlocal runs
            runs += 1
            raise ConcurrentUpdate("lost")

        assert isinstance(await error_of(store.unit_of_work.run(lose)), ConcurrentUpdate)
        assert runs > 1

    async def test_a_wallet_of_another_version_is_not_replaced(self, store: Store) -> None:
        """A change that was decided on another version than the stored one is refused as a lost race."""
        await fill_wallet(store, ALICE, [(EntryKind.TOPUP, NOON)])

        async def change_stale(books: Books) -> None:
            wallet = await usable_wallet(books, ALICE)
            await books.wallets.change_many([WalletChange(wallet.version - 1, wallet)])

        assert await self._first_error(store, change_stale) is ConcurrentUpdate

    async def test_a_record_of_another_state_is_not_replaced(self, store: Store) -> None:
        """A record is replaced only while it has the state and the answer's revision that were read."""
        applied, reversed_ = topup_record(1), topup_record(1, revision=2)

        async def record(books: Books) -> None:
            await books.journal.record_many([applied])

        async def change(books: Books, before: TransactionRecord) -> None:
            await books.journal.change_many([RecordChange(before, reversed_)])

        await store.unit_of_work.run(record)
        other_state = replace(applied, state=TransactionState.REFUSED)
        other_revision = replace(applied, answer=None)

        assert await self._first_error(store, lambda books: change(books, other_state)) is ConcurrentUpdate
        assert await self._first_error(store, lambda books: change(books, other_revision)) is ConcurrentUpdate
        assert await self._record(store, 1) == applied
        await store.unit_of_work.run(lambda books: change(books, applied))
        assert await self._record(store, 1) == reversed_

    async def test_an_answer_given_meanwhile_is_not_overwritten(self, store: Store) -> None:
        """A record that was read without an answer is not replaced once it has one."""
        tombstone = replace(topup_record(1, revision=0), state=TransactionState.VOID)
        answered = replace(tombstone, answer=answer(1, 1))

        async def record(books: Books) -> None:
            await books.journal.record_many([answered])

        async def change(books: Books) -> None:
            await books.journal.change_many([RecordChange(tombstone, answered)])

        await store.unit_of_work.run(record)

        assert await self._first_error(store, change) is ConcurrentUpdate

    async def test_a_known_wallet_is_not_opened_again(self, store: Store) -> None:
        """Opening a wallet that exists is refused as a lost race."""
        wallet = await open_wallet(store, ALICE)

        async def open_again(books: Books) -> None:
            await books.wallets.open_many([wallet])

        assert await self._first_error(store, open_again) is ConcurrentUpdate

    async def test_a_known_transaction_is_not_recorded_again(self, store: Store) -> None:
        """Recording a transaction that is known is refused as a lost race."""

        async def record(books: Books) -> None:
            await books.journal.record_many([topup_record(1)])

        await store.unit_of_work.run(record)

        assert await self._first_error(store, record) is ConcurrentUpdate

    async def test_a_taken_sequence_is_refused_for_good(self, store: Store) -> None:
        """An entry whose sequence is taken is StoreRejected: its wallet did not change, so nobody else was first."""
        (entry,) = await fill_wallet(store, ALICE, [(EntryKind.TOPUP, NOON)])

        async def append_again(books: Books) -> None:
            await books.journal.append_many([entry])

        assert isinstance(await error_of(store.unit_of_work.run(append_again)), StoreRejected)

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

    async def _race(self, store: Store, work: Callable[[Books, int], Awaitable[None]]) -> int:
        """
        Run ``work`` twice at once, so that both have read and written before either commits; give the number of runs.

        ``work`` gets 1 or 2. The second run of whoever lost waits for the winner, so that it loses no second time.
        """
        runs = [0, 0]
        has_read = [asyncio.Event(), asyncio.Event()]
        is_done = asyncio.Event()

        async def contender(number: int) -> None:
            async def one_run(books: Books) -> None:
                runs[number] += 1
                if runs[number] > 1:
                    await is_done.wait()
                await books.wallets.get_many([ALICE])
                await books.journal.get_transactions([transaction_id(1)])
                has_read[number].set()
                await has_read[1 - number].wait()
                await work(books, number + 1)

            await store.unit_of_work.run(one_run)
            is_done.set()

        async with asyncio.timeout(WAIT_S_MAX):
            await asyncio.gather(contender(0), contender(1))
        return sum(runs)

    async def _first_error(self, store: Store, work: Callable[[Books], Awaitable[None]]) -> type[Exception] | None:
        """Give the error of ``work``'s first run; nothing of it is committed, and it does not run again."""
        errors: list[Exception | None] = []

        async def observed(books: Books) -> None:
            errors.append(await error_of(work(books)))
            raise Stop

        await error_of(store.unit_of_work.run(observed))
        return type(errors[0]) if errors[0] is not None else None

    async def _wallet(self, store: Store, user_id: str) -> Wallet | SuspendedWallet | None:
        async def read(books: Books) -> Wallet | SuspendedWallet | None:
            return (await books.wallets.get_many([user_id])).get(user_id)

        return await store.unit_of_work.run(read)

    async def _record(self, store: Store, number: int) -> TransactionRecord | None:
        return (await self._records(store, transaction_id(number))).get(transaction_id(number))

    async def _records(self, store: Store, *ids: str) -> dict[str, TransactionRecord]:
        async def read(books: Books) -> dict[str, TransactionRecord]:
            return dict(await books.journal.get_transactions(ids))

        return await store.unit_of_work.run(read)


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
        recipient_id=CAROL,
        amount_minor=10**15,
        occurred_at=NOON - timedelta(days=365),
        legs=(leg, replace(leg, user_id=CAROL, direction=Direction.CREDIT, sequence=1)),
        reversal_legs=(replace(leg, sequence=3), replace(leg, sequence=4)),
        answer=replace(answer(255, 2), reason="r" * 200, user_id=CAROL),
        reason="why \N{SNOWMAN}",
        due_since=NOON + timedelta(seconds=1),
    )
