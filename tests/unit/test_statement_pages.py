"""Pages that are kept are the pages that would be read: whatever happens to a wallet, and however many are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.conditional import entity_tag
from adapters.http.representations import page_json, row_json
from adapters.http.statement_pages import StatementPages, WrittenPage
from tests.scenario import ALICE, BOB, USD, Scenario, failed, topup, transaction_id, transfer
from wallet_core.ledger import Entry, EntryKind
from wallet_core.memory.clock import START
from wallet_core.policy import Policy
from wallet_core.ports import Reader, StatementQuery
from wallet_core.queries import statement
from wallet_core.wallet import Wallet

ALICES = StatementQuery(ALICE, limit=3)

TRANSACTIONS = 12


class Books:
    """A read side that counts what is read of entries, may lose one, and lets something happen before it reads."""

    def __init__(self, scenario: Scenario) -> None:
        """Read the books of a scenario."""
        self.store = scenario.store
        self.reads = 0
        self.rows = 0
        self.lost_sequence: int | None = None
        self.meanwhile: Callable[[], object] = int

    async def wallet_of(self, user_id: str) -> Wallet | None:
        """Give a wallet."""
        return await self.store.wallet_of(user_id)

    async def entries(self, wallet: Wallet, query: StatementQuery) -> Sequence[Entry]:
        """Give entries."""
        self.reads += 1
        await asyncio.to_thread(self.meanwhile)
        entries = await self.store.entries(wallet, query)
        self.rows += len(entries)
        return [entry for entry in entries if entry.sequence != self.lost_sequence]


def funded(count: int = 1) -> Scenario:
    """Give books in which Alice has so many top-ups, and Bob an empty wallet."""
    scenario = Scenario(Policy(USD))
    scenario.open(ALICE, BOB)
    for number in range(count):
        scenario.fund(ALICE, 100, transaction_id(100 + number))
    return scenario


def page_of(pages: StatementPages, query: StatementQuery = ALICES) -> WrittenPage:
    """Give a page that is there."""
    page = asyncio.run(pages.page(query))
    assert page is not None
    return page


def body_of(store: Reader, query: StatementQuery = ALICES) -> bytes:
    """Give the body of a page as the books say, that has never been kept."""
    read = asyncio.run(statement(store, query))
    assert read is not None
    return page_json([row_json(entry, USD) for entry in read.entries], read.next_cursor)


STEPS = st.lists(
    st.tuples(st.sampled_from(["topup", "send", "receive", "fail"]), st.integers(0, TRANSACTIONS - 1))
    | st.just(("read", 0)),
    max_size=30,
)


@given(steps=STEPS, limit=st.integers(1, 6), bytes_max=st.sampled_from([0, 1_000, 10_000]))
def test_a_page_is_always_the_one_that_would_be_read(
    steps: Sequence[tuple[str, int]], limit: int, bytes_max: int
) -> None:
    """Between any movements of money, with room for no page, for one or for all, each page is what the books say."""
    scenario = funded()
    pages = StatementPages(scenario.store, USD, bytes_max=bytes_max)
    event_of = {
        "topup": lambda number: topup(transaction_id(number), ALICE, 5),
        "send": lambda number: transfer(transaction_id(number), ALICE, BOB, 7),
        "receive": lambda number: transfer(transaction_id(number), BOB, ALICE, 2),
        "fail": lambda number: failed(transaction_id(number)),
    }

    def check() -> None:
        for user_id, before_sequence in product((ALICE, BOB), (None, 1, 2, 4, 99)):
            query = StatementQuery(user_id, limit, before_sequence)
            body = body_of(scenario.store, query)
            assert page_of(pages, query) == (body, entity_tag(body))
        assert pages.bytes_kept <= bytes_max

    for step, number in steps:
        if step == "read":
            check()
        else:
            scenario.post_one(event_of[step](number))


@pytest.mark.parametrize("query", [ALICES, replace(ALICES, before_sequence=3), replace(ALICES, user_id=BOB)])
def test_a_page_is_read_once_while_no_money_moves(query: StatementQuery) -> None:
    """Who looks again gets the page that was written, and its tag: the newest one, an older one, an empty one."""
    books = Books(funded(5))
    pages = StatementPages(books, USD)

    first, again = page_of(pages, query), page_of(pages, query)

    assert first == again
    assert 1 == books.reads


def test_a_cursor_beyond_the_newest_entry_asks_for_the_newest_page() -> None:
    """However many numbers somebody thinks of, it is kept once."""
    books = Books(funded(5))
    pages = StatementPages(books, USD)

    newest = page_of(pages)

    assert (
        newest
        == page_of(pages, replace(ALICES, before_sequence=6))
        == page_of(pages, replace(ALICES, before_sequence=99))
    )
    assert 1 == books.reads


def test_money_that_moves_is_seen_at_once() -> None:
    """The next page after a posting has its row, whoever has posted it."""
    scenario = funded()
    pages = StatementPages(scenario.store, USD)
    before = page_of(pages).body
    scenario.fund(ALICE, 42, transaction_id(1))

    assert b"42.00" not in before
    assert b"42.00" in page_of(pages).body


def test_a_page_is_that_of_the_wallet_that_was_read() -> None:
    """When money moves between the reading of a wallet and of its entries, the next page has its row, and not this."""
    scenario = funded()
    books = Books(scenario)
    pages = StatementPages(books, USD)
    before = body_of(scenario.store)
    books.meanwhile = lambda: scenario.fund(ALICE, 42, transaction_id(1))

    during = page_of(pages).body
    books.meanwhile = int

    assert before == during
    assert b"42.00" in page_of(pages).body


def test_a_page_of_other_books_is_not_given_again() -> None:
    """When the database is restored to another past, of as many entries, its pages are read."""
    books = Books(funded(2))
    pages = StatementPages(books, USD)
    before = page_of(pages).body
    restored = funded(1)
    restored.fund(ALICE, 42, transaction_id(1))
    books.store = restored.store

    assert b"42.00" not in before
    assert b"42.00" in page_of(pages).body


@pytest.mark.parametrize("before_sequence", [None, 19, 4])
def test_a_page_that_is_kept_takes_in_what_has_happened_since(before_sequence: int | None) -> None:
    """Three entries later only those three are read, for the newest page and for an older one."""
    scenario = funded(20)
    books, query = Books(scenario), StatementQuery(ALICE, 10, before_sequence)
    pages = StatementPages(books, USD)
    page_of(pages, query)
    for number in range(3):
        scenario.fund(ALICE, 42, transaction_id(number))
    books.rows = 0

    first, again = page_of(pages, query), page_of(pages, query)

    assert first == again
    assert first.body == body_of(scenario.store, query)
    assert 3 == books.rows


def test_an_empty_page_takes_in_the_first_entries() -> None:
    """Who has looked at a new wallet sees his first money; nothing else is read."""
    scenario = funded()
    books, query = Books(scenario), StatementQuery(BOB, 10)
    pages = StatementPages(books, USD)
    page_of(pages, query)
    scenario.fund(BOB, 42, transaction_id(1))

    assert page_of(pages, query).body == body_of(scenario.store, query)
    assert 1 == books.rows


def test_a_page_is_read_when_much_has_happened_since() -> None:
    """More entries than half a page are as dear as the page."""
    scenario = funded(20)
    books, query = Books(scenario), StatementQuery(ALICE, 4)
    pages = StatementPages(books, USD)
    page_of(pages, query)
    for number in range(3):
        scenario.fund(ALICE, 42, transaction_id(number))
    books.rows = 0

    assert page_of(pages, query).body == body_of(scenario.store, query)
    assert 5 == books.rows  # one more than a page has: it tells whether there is another page


def test_a_page_does_not_take_in_what_its_wallet_was_not_sealed_with() -> None:
    """While an entry that came since is missing, the page is read, and shows what there is; then it is whole again."""
    scenario = funded(20)
    books, query = Books(scenario), StatementQuery(ALICE, 10)
    pages = StatementPages(books, USD)
    page_of(pages, query)
    for number in range(3):
        scenario.fund(ALICE, 42, transaction_id(number))
    books.lost_sequence = 22

    with_gap = page_of(pages, query).body
    books.lost_sequence = None

    assert b"-21" in with_gap
    assert b"-22" not in with_gap
    assert page_of(pages, query).body == body_of(scenario.store, query)


def test_a_page_of_another_past_takes_nothing_in() -> None:
    """When the database is restored to another past, and more has happened there, its pages are read."""
    books, query = Books(funded(4)), StatementQuery(ALICE, 10)
    pages = StatementPages(books, USD)
    page_of(pages, query)
    restored = funded(3)
    for number in range(3):
        restored.fund(ALICE, 42, transaction_id(number))
    books.store = restored.store

    assert page_of(pages, query).body == body_of(restored.store, query)


def test_a_page_of_one_wallet_is_never_that_of_another() -> None:
    """Even if somebody forged the seal of another wallet, its owner would see his own page."""
    scenario = funded()
    scenario.fund(BOB, 42, transaction_id(1))
    alices = scenario.wallet(ALICE)

    class ForgedBooks(Books):
        async def wallet_of(self, user_id: str) -> Wallet | None:
            wallet = await super().wallet_of(user_id)
            return wallet and wallet._replace(head_hash=alices.head_hash)

    pages = StatementPages(ForgedBooks(scenario), USD)
    page_of(pages)

    assert b"42.00" in page_of(pages, replace(ALICES, user_id=BOB)).body


@pytest.mark.parametrize(
    "other",
    [
        replace(ALICES, before_sequence=5),
        replace(ALICES, limit=2),
        replace(ALICES, kind=EntryKind.TRANSFER),
        replace(ALICES, recorded_from=START + timedelta(days=1)),
        replace(ALICES, recorded_until=START),
    ],
)
def test_a_page_that_is_kept_answers_no_other_question(other: StatementQuery) -> None:
    """An older page, a shorter one, and one of some entries alone, is read, whatever newest page is there."""
    pages = StatementPages(funded(5).store, USD)
    newest = page_of(pages)

    assert newest.body != page_of(pages, other).body


@pytest.mark.parametrize(
    "query",
    [
        replace(ALICES, kind=EntryKind.TOPUP),
        replace(ALICES, recorded_from=START),
        replace(ALICES, recorded_until=START + timedelta(days=1)),
    ],
)
def test_pages_of_some_entries_are_not_kept(query: StatementQuery) -> None:
    """Nobody sees in a page of one kind or time whether an entry is missing: it is read each time."""
    books = Books(funded(5))
    pages = StatementPages(books, USD)

    page_of(pages, query)
    page_of(pages, query)

    assert 2 == books.reads
    assert 0 == pages.bytes_kept


@pytest.mark.parametrize(
    ("before_sequence", "lost_sequence"), [(None, 5), (None, 4), (None, 3), (None, 2), (5, 1), (3, 1)]
)
def test_a_page_with_a_gap_is_not_kept(before_sequence: int | None, lost_sequence: int) -> None:
    """When somebody has removed an entry, what is shown meanwhile is not shown any more once it is back."""
    query = replace(ALICES, before_sequence=before_sequence)
    books = Books(funded(5))
    pages = StatementPages(books, USD)
    books.lost_sequence = lost_sequence
    with_gap = page_of(pages, query).body
    books.lost_sequence = None

    assert with_gap != page_of(pages, query).body


def test_a_page_whose_newest_entry_was_altered_is_not_kept() -> None:
    """What somebody has put in place of the entry that the wallet was sealed with is not shown once it is mended."""
    scenario = funded(2)
    entries = scenario.entries(ALICE)

    class AlteredBooks(Books):
        async def entries(self, wallet: Wallet, query: StatementQuery) -> Sequence[Entry]:
            newest, *others = await super().entries(wallet, query)
            return [newest._replace(amount_minor=4_200, hash=entries[0].hash), *others]

    altered = AlteredBooks(scenario)
    pages = StatementPages(altered, USD)

    page_of(pages)
    page_of(pages)

    assert 2 == altered.reads


def test_a_page_that_two_ask_for_at_once_is_counted_once() -> None:
    """Both read it, as neither finds it; one is kept, and takes the room of one."""
    pages, once = StatementPages(Books(funded()), USD), StatementPages(Books(funded()), USD)
    page_of(once)

    async def ask_twice() -> None:
        await asyncio.gather(pages.page(ALICES), pages.page(ALICES))

    asyncio.run(ask_twice())

    assert pages.bytes_kept == once.bytes_kept


def test_the_page_that_nobody_asks_for_leaves_first() -> None:
    """With room for two pages, the third takes the place of the one that was asked for least recently."""
    books = Books(funded(5))
    one = StatementPages(books, USD)
    page_of(one)
    pages = StatementPages(books, USD, bytes_max=2 * one.bytes_kept)
    limits = (3, 2, 3, 1)  # the page of three rows is looked at again before the third comes
    for limit in limits:
        page_of(pages, replace(ALICES, limit=limit))
    books.reads = 0

    page_of(pages, replace(ALICES, limit=3))
    reads_of_kept = books.reads
    page_of(pages, replace(ALICES, limit=2))

    assert (0, 1) == (reads_of_kept, books.reads)
