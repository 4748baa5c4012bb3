"""What every unit of work must do when others are at work too: races noticed, guards kept."""

# ruff: noqa: S101, PLR2004 - a suite speaks in asserts, and the numbers of an example are its meaning

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wallet_core.errors import ConcurrentUpdate, StoreRejected
from wallet_core.ledger import EntryKind, TransactionRecord, TransactionState
from wallet_core.ports import Books, RecordChange, WalletChange
from wallet_core.testing.conformance.store import (
    ALICE,
    BOB,
    NOON,
    WAIT_S_MAX,
    Store,
    answer,
    credit,
    error_of,
    fill_wallet,
    first_error,
    open_wallet,
    stored_record,
    stored_wallet,
    topup_record,
    transaction_id,
    usable_wallet,
)
from wallet_core.wallet import Cause, Wallet

WALLETS_MANY = 1_200
"""So many that a store which deals changes out needs several statements."""


class RacesSuite:
    """Provide the fixture ``store``: a fresh ``Store`` with empty books."""

    async def test_a_lost_race_for_a_wallet_runs_again(self, store: Store) -> None:
        """Of two units of work that read the same wallet, one runs again on fresh state: no credit is lost."""
        await open_wallet(store, ALICE)

        async def credit_alice(books: Books, amount_minor: int) -> None:
            await credit(books, ALICE, amount_minor)

        runs = await self._race(store, credit_alice)

        wallet = await stored_wallet(store, ALICE)
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
        assert await stored_wallet(store, ALICE) == Wallet.open(ALICE, "USD", NOON)

    async def test_a_lost_race_to_record_a_transaction_runs_again(self, store: Store) -> None:
        """Of two units of work that record the same transaction, one runs again and finds it: it is posted once."""
        await open_wallet(store, ALICE)

        async def post_once(books: Books, _: int) -> None:
            if not await books.journal.get_transactions([transaction_id(1)]):
                await books.journal.record_many([topup_record(1)])
                await credit(books, ALICE, 100)

        runs = await self._race(store, post_once)

        wallet = await stored_wallet(store, ALICE)
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

    async def test_what_was_read_was_true_at_one_moment(self, store: Store) -> None:
        """Who reads one wallet before money moves, and another one after, has seen both before it, or both after."""
        await open_wallet(store, ALICE)
        await open_wallet(store, BOB)
        has_read, has_moved = asyncio.Event(), asyncio.Event()

        async def credit_both(books: Books) -> None:
            await credit(books, ALICE, 1)
            await credit(books, BOB, 2)

        async def read_both(books: Books) -> tuple[int, int]:
            alice = await usable_wallet(books, ALICE)
            has_read.set()
            await has_moved.wait()
            return alice.balance_minor, (await usable_wallet(books, BOB)).balance_minor

        async with asyncio.timeout(WAIT_S_MAX):
            reading = asyncio.ensure_future(store.unit_of_work.run(read_both))
            await has_read.wait()
            await store.unit_of_work.run(credit_both)
            has_moved.set()

            assert await reading in ((0, 0), (1, 2))

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

        assert await first_error(store, change_stale) is ConcurrentUpdate

    async def test_many_wallets_are_changed_all_or_not_at_all(self, store: Store) -> None:
        """Each of many wallets becomes what its own change says; with one stale change among them, none does."""
        cause = Cause(transaction_id(1), EntryKind.TOPUP, NOON)
        empty = [Wallet.open(f"user_{number}", "USD", NOON) for number in range(WALLETS_MANY)]
        opened = [wallet.after(wallet.credit(7, cause)) if at % 3 else wallet for at, wallet in enumerate(empty)]
        funded = [wallet.after(wallet.credit(number, cause)) for number, wallet in enumerate(opened, start=1)]
        changes = [WalletChange(before.version, wallet) for before, wallet in zip(opened, funded, strict=True)]
        one_is_stale = [*changes[:-200], WalletChange(2, funded[-200]), *changes[-199:]]

        async def open_all(books: Books) -> None:
            await books.wallets.open_many(opened)

        async def change_all(books: Books) -> None:
            await books.wallets.change_many(changes)

        async def change_all_but_one(books: Books) -> None:
            await books.wallets.change_many(one_is_stale)

        async def read(books: Books) -> object:
            return await books.wallets.get_many([wallet.user_id for wallet in opened])

        await store.unit_of_work.run(open_all)
        assert isinstance(await error_of(store.unit_of_work.run(change_all_but_one)), ConcurrentUpdate)
        assert await store.unit_of_work.run(read) == {wallet.user_id: wallet for wallet in opened}

        await store.unit_of_work.run(change_all)
        assert await store.unit_of_work.run(read) == {wallet.user_id: wallet for wallet in funded}

    async def test_a_record_of_another_state_is_not_replaced(self, store: Store) -> None:
        """A record is replaced only while it has the state and the answer's revision that were read."""
        applied, reversed_ = topup_record(1), topup_record(1, revision=2)

        async def record(books: Books) -> None:
            await books.journal.record_many([applied])

        async def change(books: Books, before: TransactionRecord) -> None:
            await books.journal.change_many([RecordChange(before, reversed_)])

        await store.unit_of_work.run(record)
        other_state = applied._replace(state=TransactionState.REFUSED)
        other_revision = applied._replace(answer=None)

        assert await first_error(store, lambda books: change(books, other_state)) is ConcurrentUpdate
        assert await first_error(store, lambda books: change(books, other_revision)) is ConcurrentUpdate
        assert await stored_record(store, 1) == applied
        await store.unit_of_work.run(lambda books: change(books, applied))
        assert await stored_record(store, 1) == reversed_

    async def test_a_dead_letter_named_meanwhile_is_not_forgotten(self, store: Store) -> None:
        """A record whose dead letter is another by now is not replaced, although its state is the same."""
        due = topup_record(1)._replace(state=TransactionState.REVERSAL_DUE, due_since=NOON)

        async def record(books: Books) -> None:
            await books.journal.record_many([due])

        async def change(books: Books, before: TransactionRecord, letter: str | None) -> None:
            await books.journal.change_many([RecordChange(before, due._replace(dead_letter_id=letter))])

        await store.unit_of_work.run(record)
        await store.unit_of_work.run(lambda books: change(books, due, "first"))

        assert await first_error(store, lambda books: change(books, due, None)) is ConcurrentUpdate
        assert await stored_record(store, 1) == due._replace(dead_letter_id="first")

    async def test_an_answer_given_meanwhile_is_not_overwritten(self, store: Store) -> None:
        """A record that was read without an answer is not replaced once it has one."""
        tombstone = topup_record(1, revision=0)._replace(state=TransactionState.VOID)
        answered = tombstone._replace(answer=answer(1, 1))

        async def record(books: Books) -> None:
            await books.journal.record_many([answered])

        async def change(books: Books) -> None:
            await books.journal.change_many([RecordChange(tombstone, answered)])

        await store.unit_of_work.run(record)

        assert await first_error(store, change) is ConcurrentUpdate

    async def test_a_known_wallet_is_not_opened_again(self, store: Store) -> None:
        """Opening a wallet that exists is refused as a lost race."""
        wallet = await open_wallet(store, ALICE)

        async def open_again(books: Books) -> None:
            await books.wallets.open_many([wallet])

        assert await first_error(store, open_again) is ConcurrentUpdate

    async def test_a_known_transaction_is_not_recorded_again(self, store: Store) -> None:
        """Recording a transaction that is known is refused as a lost race."""

        async def record(books: Books) -> None:
            await books.journal.record_many([topup_record(1)])

        await store.unit_of_work.run(record)

        assert await first_error(store, record) is ConcurrentUpdate

    async def test_a_taken_sequence_is_refused_for_good(self, store: Store) -> None:
        """An entry whose sequence is taken is StoreRejected: its wallet did not change, so nobody else was first."""
        (entry,) = await fill_wallet(store, ALICE, [(EntryKind.TOPUP, NOON)])

        async def append_again(books: Books) -> None:
            await books.journal.append_many([entry])

        assert isinstance(await error_of(store.unit_of_work.run(append_again)), StoreRejected)

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
