"""What every reader must do: balances as committed, and pages that neither repeat nor skip a row while money moves."""

# ruff: noqa: S101 - a suite speaks in asserts, and the numbers of an example are its meaning

from __future__ import annotations

from datetime import timedelta
from itertools import product

from wallet_core.ledger import Entry, EntryKind
from wallet_core.ports import Books, StatementQuery
from wallet_core.queries import STATEMENT_ROWS_MAX
from wallet_core.testing.conformance.store import (
    ALICE,
    BOB,
    NOON,
    Store,
    credit,
    fill_wallet,
    open_wallet,
    page_of,
    transaction_id,
)
from wallet_core.wallet import Cause, Wallet

SECOND = timedelta(seconds=1)

HISTORY = [
    (EntryKind.OPENING, NOON),
    (EntryKind.TOPUP, NOON),
    (EntryKind.TRANSFER, NOON + SECOND),
    (EntryKind.TOPUP, NOON + SECOND),
    (EntryKind.TRANSFER, NOON + SECOND),
    (EntryKind.TOPUP, NOON + 3 * SECOND),
]
"""Several entries share an instant, as those of one batch do, and there is a gap."""


class ReaderSuite:
    """Provide the fixture ``store``: a fresh ``Store`` with empty books."""

    async def test_who_has_no_wallet_has_no_statement(self, store: Store) -> None:
        """An unknown user has neither wallet nor entries; an empty wallet has no entries, which is another answer."""
        await open_wallet(store, BOB)

        assert await store.reader.wallet_of(ALICE) is None
        assert await page_of(store.reader, StatementQuery(ALICE, 10)) is None
        assert await page_of(store.reader, StatementQuery(BOB, 10)) == []

    async def test_a_wallet_that_waits_for_a_person_is_not_shown(self, store: Store) -> None:
        """A suspended wallet has neither balance nor statement."""
        await store.suspend(ALICE)

        assert await store.reader.wallet_of(ALICE) is None
        assert await page_of(store.reader, StatementQuery(ALICE, 10)) is None

    async def test_what_is_committed_is_read_at_once(self, store: Store) -> None:
        """Right after a unit of work its effect is read."""
        await open_wallet(store, ALICE)

        entry = await store.unit_of_work.run(lambda books: credit(books, ALICE, 250))

        wallet = await store.reader.wallet_of(ALICE)
        assert wallet == Wallet.open(ALICE, "USD", NOON).after(entry)
        assert await page_of(store.reader, StatementQuery(ALICE, 10)) == [entry]

    async def test_every_question_gets_its_entries(self, store: Store) -> None:
        """Kind, time and cursor in every combination give exactly the entries asked for, newest first."""
        entries = await fill_wallet(store, ALICE, HISTORY)
        await fill_wallet(store, BOB, HISTORY[:2])
        instants = (None, NOON - SECOND, NOON, NOON + SECOND, NOON + 2 * SECOND, NOON + 3 * SECOND, NOON + 4 * SECOND)
        kinds = (None, EntryKind.TOPUP, EntryKind.TRANSFER, EntryKind.REVERSAL)

        for kind, since, until, before in product(kinds, instants, instants, (None, 1, 2, 5, 99)):
            query = StatementQuery(ALICE, 3, before, kind, since, until)
            expected = [entry for entry in reversed(entries) if _is_asked_for(entry, query)][:3]
            assert await page_of(store.reader, query) == expected, query

    async def test_pages_neither_repeat_nor_skip_while_money_moves(self, store: Store) -> None:
        """Page by page, with a new entry after each, every entry that was there at first is seen once."""
        entries = await fill_wallet(store, ALICE, HISTORY)
        seen: list[int] = []
        cursor: int | None = None

        for _ in entries:
            if not (page := await page_of(store.reader, StatementQuery(ALICE, 2, cursor))):
                break
            seen.extend(entry.sequence for entry in page)
            cursor = page[-1].sequence
            await store.unit_of_work.run(lambda books: credit(books, ALICE, 1, now=NOON + 9 * SECOND))

        assert seen == [entry.sequence for entry in reversed(entries)]

    async def test_a_page_is_as_long_as_asked_for(self, store: Store) -> None:
        """The longest page of a statement, and the one entry more that tells whether another follows, come at once."""
        wallet, entries = Wallet.open(ALICE, "USD", NOON), list[Entry]()
        for number in range(1, STATEMENT_ROWS_MAX + 3):
            entries.append(wallet.credit(number, Cause(transaction_id(number), EntryKind.TOPUP, NOON)))
            wallet = wallet.after(entries[-1])

        async def write(books: Books) -> None:
            await books.wallets.open_many([wallet])
            await books.journal.append_many(entries)

        await store.unit_of_work.run(write)

        assert await page_of(store.reader, StatementQuery(ALICE, STATEMENT_ROWS_MAX + 1)) == entries[:0:-1]


def _is_asked_for(entry: Entry, query: StatementQuery) -> bool:
    return (
        (query.before_sequence is None or entry.sequence < query.before_sequence)
        and (query.kind is None or entry.kind is query.kind)
        and (query.recorded_from is None or entry.recorded_at >= query.recorded_from)
        and (query.recorded_until is None or entry.recorded_at < query.recorded_until)
    )
