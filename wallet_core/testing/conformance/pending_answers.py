"""What the outbox must do for a relay: rows in order, the latest answers, and one holder of the lease."""

# ruff: noqa: S101 - a suite speaks in asserts, and the numbers of an example are its meaning

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from wallet_core.ledger import TransactionRecord
from wallet_core.ports import Books, PendingRow, RecordChange
from wallet_core.testing.conformance.store import (
    WAIT_S_MAX,
    Stop,
    Store,
    answer,
    error_of,
    topup_record,
    transaction_id,
)

MINUTE_MS = 60_000

ROWS = 12
"""So many that the order of their numbers is not that of their digits as a text: 1, 10, 11, 12, 2."""


class PendingAnswersSuite:
    """Provide the fixture ``store``: a fresh ``Store`` with empty books."""

    async def test_rows_come_oldest_first(self, store: Store) -> None:
        """One row per unit of work, the oldest first, no more than asked for."""
        for number in (1, 2, 3):
            await _record(store, [topup_record(number), topup_record(number + 10)])

        rows = await store.pending_answers.pending(2)

        assert [row.transaction_ids for row in rows] == [
            (transaction_id(1), transaction_id(11)),
            (transaction_id(2), transaction_id(12)),
        ]

    async def test_row_is_known_before_it_is_committed(self, store: Store) -> None:
        """Who adds a row gets it as it is read later, and can settle it without reading it; a lost try leaves none."""
        lost = await _lost(store, topup_record(1))
        first, second = [await _record(store, [topup_record(number)]) for number in (1, 2)]

        assert lost not in (first, second)
        assert await store.pending_answers.pending(10) == [first, second]
        await store.pending_answers.settle(first, [])
        assert await store.pending_answers.pending(10) == [second]

    async def test_rows_come_in_the_order_in_which_they_were_added(self, store: Store) -> None:
        """A unit of work that takes longer than a later one has its row before it: what is read on is never behind."""
        has_added, may_end = asyncio.Event(), asyncio.Event()

        async def take_long(books: Books) -> PendingRow | None:
            row = await books.outbox.add([transaction_id(1)])
            has_added.set()
            await may_end.wait()
            return row

        async with asyncio.timeout(WAIT_S_MAX):
            slow = asyncio.ensure_future(store.unit_of_work.run(take_long))
            await has_added.wait()
            quick = await _record(store, [topup_record(2)])
            may_end.set()
            added = await slow

        assert added is not None
        assert await store.pending_answers.pending(10) == [added, quick]
        assert await store.pending_answers.backlog() == (2, added.created_at)

    async def test_rows_behind_a_row_come_oldest_first(self, store: Store) -> None:
        """Behind a row come those that are younger, the oldest first, whether or not that row is still there."""
        for number in range(1, ROWS + 1):
            await _record(store, [topup_record(number)])
        first, *behind = await store.pending_answers.pending(ROWS)

        in_order = [(transaction_id(number),) for number in range(1, ROWS + 1)]
        assert [row.transaction_ids for row in (first, *behind)] == in_order
        assert await store.pending_answers.pending(2, after=first) == behind[:2]
        await store.pending_answers.settle(first, [])
        assert await store.pending_answers.pending(ROWS, after=first) == behind
        assert await store.pending_answers.pending(ROWS, after=behind[7]) == behind[8:]
        assert await store.pending_answers.pending(ROWS, after=behind[-1]) == []

    async def test_answers_are_the_latest(self, store: Store) -> None:
        """The answers are those in the books now; what is unknown or has no answer is absent."""
        await _record(store, [topup_record(1), topup_record(2), topup_record(3, revision=0)])

        async def reverse(books: Books) -> None:
            await books.journal.change_many([RecordChange(topup_record(1), topup_record(1, revision=2))])

        await store.unit_of_work.run(reverse)
        asked = [transaction_id(number) for number in (1, 2, 3, 4)]

        assert await store.pending_answers.answers(asked) == {
            transaction_id(1): answer(1, 2),
            transaction_id(2): answer(2, 1),
        }

    async def test_answers_that_are_known_already_are_left_away(self, store: Store) -> None:
        """Asked for what is above a revision, only newer answers come."""
        await _record(store, [topup_record(1), topup_record(2, revision=2)])
        asked = [transaction_id(1), transaction_id(2)]

        assert await store.pending_answers.answers(asked, 1) == {transaction_id(2): answer(2, 2)}
        assert await store.pending_answers.answers(asked, 2) == {}

    async def test_a_settled_row_is_gone(self, store: Store) -> None:
        """A row with nothing unpublished is removed; settling it once more changes nothing."""
        await _record(store, [topup_record(1)])
        await _record(store, [topup_record(2)])
        first, second = await store.pending_answers.pending(10)

        await store.pending_answers.settle(first, [])
        await store.pending_answers.settle(first, [])

        assert await store.pending_answers.pending(10) == [second]

    async def test_a_row_keeps_what_is_unpublished(self, store: Store) -> None:
        """A row shrinks to its unpublished transactions, keeps its id and time, and can then be settled."""
        await _record(store, [topup_record(number) for number in (1, 2, 3)])
        (row,) = await store.pending_answers.pending(10)

        await store.pending_answers.settle(row, [transaction_id(1), transaction_id(3)])
        (left,) = await store.pending_answers.pending(10)

        assert (left.id, left.created_at) == (row.id, row.created_at)
        assert left.transaction_ids == (transaction_id(1), transaction_id(3))
        await store.pending_answers.settle(left, [])
        assert await store.pending_answers.pending(10) == []

    async def test_a_row_of_which_nothing_was_published_stays(self, store: Store) -> None:
        """Settling a row with all of it unpublished leaves it as it is."""
        await _record(store, [topup_record(1)])
        (row,) = await store.pending_answers.pending(10)

        await store.pending_answers.settle(row, row.transaction_ids)

        assert await store.pending_answers.pending(10) == [row]

    async def test_a_row_that_is_gone_stays_gone(self, store: Store) -> None:
        """What another relay has removed meanwhile does not come back by settling it."""
        await _record(store, [topup_record(number) for number in (1, 2)])
        (row,) = await store.pending_answers.pending(10)

        for unpublished in (row.transaction_ids, row.transaction_ids[1:]):
            await store.pending_answers.settle(row, [])
            await store.pending_answers.settle(row, unpublished)

            assert await store.pending_answers.pending(10) == []

    async def test_what_is_put_back_is_a_row_of_its_own(self, store: Store) -> None:
        """It comes behind the others, and settling the row from which it came does not touch it."""
        await _record(store, [topup_record(number) for number in (1, 2)])
        (row,) = await store.pending_answers.pending(10)

        await store.pending_answers.put_back(row.transaction_ids)
        await store.pending_answers.settle(row, [])

        (back,) = await store.pending_answers.pending(10)
        assert (back.transaction_ids, back.id == row.id) == (row.transaction_ids, False)

    async def test_the_backlog_counts_rows(self, store: Store) -> None:
        """The backlog is the number of rows and the time of the oldest; none and no time when there is nothing."""
        empty = await store.pending_answers.backlog()
        await _record(store, [topup_record(1)])
        await _record(store, [topup_record(2)])
        oldest, _ = await store.pending_answers.pending(10)

        assert empty == (0, None)
        assert await store.pending_answers.backlog() == (2, oldest.created_at)

    async def test_one_holder_has_the_lease(self, store: Store) -> None:
        """While one relay has the lease, it can prolong it and no other can take it."""
        pending = store.pending_answers

        assert await pending.hold_lease("relay-1", MINUTE_MS)
        assert not await pending.hold_lease("relay-2", MINUTE_MS)
        assert await pending.hold_lease("relay-1", MINUTE_MS)
        assert not await pending.hold_lease("relay-2", MINUTE_MS)

    async def test_a_prolonged_lease_lasts_longer(self, store: Store) -> None:
        """What the holder asked for last counts, from when it asked: the end of what it had before changes nothing."""
        pending = store.pending_answers
        await pending.hold_lease("relay-1", 200)

        assert await pending.hold_lease("relay-1", MINUTE_MS)
        await store.let_pass(timedelta(milliseconds=200))

        assert not await pending.hold_lease("relay-2", MINUTE_MS)

    async def test_a_lease_that_is_given_back_is_free(self, store: Store) -> None:
        """The holder can give the lease back, and nobody else can."""
        pending = store.pending_answers
        await pending.hold_lease("relay-1", MINUTE_MS)

        await pending.release_lease("relay-2")
        while_held = await pending.hold_lease("relay-2", MINUTE_MS)
        await pending.release_lease("relay-1")

        assert not while_held
        assert await pending.hold_lease("relay-2", MINUTE_MS)

    async def test_a_lease_ends_by_itself(self, store: Store) -> None:
        """A lease whose time is over is free, and then it is the new holder's."""
        pending = store.pending_answers
        await pending.hold_lease("relay-1", 50)

        await store.let_pass(timedelta(milliseconds=50))

        assert await pending.hold_lease("relay-2", MINUTE_MS)
        assert not await pending.hold_lease("relay-1", MINUTE_MS)

    async def test_of_many_takers_one_gets_the_lease(self, store: Store) -> None:
        """Eight relays that start at once: one holds the lease, whether it has never been held or is over."""
        pending = store.pending_answers
        first = await _race_for_lease(store)
        await pending.release_lease(first)
        await pending.hold_lease("$before", 50)
        await store.let_pass(timedelta(milliseconds=50))

        await _race_for_lease(store)


async def _race_for_lease(store: Store) -> str:
    """Let eight relays ask for a free lease at once; the one that has it is given."""
    names = [f"$relay-{number}" for number in range(8)]
    taken = await asyncio.gather(*(store.pending_answers.hold_lease(name, MINUTE_MS) for name in names))

    assert sum(taken) == 1
    return names[taken.index(True)]


async def _record(store: Store, records: Sequence[TransactionRecord]) -> PendingRow:
    """Record transactions and mark all of them for publishing, in one unit of work."""

    async def work(books: Books) -> PendingRow | None:
        await books.journal.record_many(records)
        return await books.outbox.add([record.id for record in records])

    row = await store.unit_of_work.run(work)
    assert row is not None
    return row


async def _lost(store: Store, record: TransactionRecord) -> PendingRow | None:
    """Give the row of a unit of work that is not committed."""
    rows: list[PendingRow | None] = []
    problem = Stop("no")

    async def work(books: Books) -> None:
        rows.append(await books.outbox.add([record.id]))
        raise problem

    assert await error_of(store.unit_of_work.run(work)) is problem
    return rows[-1]
