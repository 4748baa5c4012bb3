"""What reading costs: every page and every balance looks at about as many documents as it shows, by an index."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from pymongo import MongoClient

from adapters.mongo.adoption import unmigrated
from adapters.mongo.client import APPLICATION_NAME, Database
from adapters.mongo.documents import entry_key, entry_to_document, wallet_to_document
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.reader import MongoReader
from adapters.mongo.recorded_times import PROBES
from tests.fixtures.driver import over_both_drivers
from wallet_core.errors import LedgerCorrupted
from wallet_core.ledger import EntryKind
from wallet_core.ports import StatementQuery
from wallet_core.testing.conformance.store import ALICE, BOB, DORA, NOON, page_of
from wallet_core.wallet import Cause, Wallet

Client = MongoClient[dict[str, object]]

ENTRIES = 3_000
LIMIT = 50
MINUTE = timedelta(minutes=1)


class Profiler:
    """What the server did for the connections under test."""

    def __init__(self, client: Client, name: str) -> None:
        """Look at one database."""
        self._database = client[name]

    @contextmanager
    def watch(self) -> Iterator[list[dict[str, object]]]:
        """Give, after the block, each query of the service with its plan and what it examined."""
        seen: list[dict[str, object]] = []
        self._database.command({"profile": 2})
        try:
            yield seen
        finally:
            self._database.command({"profile": 0})
            reads = {"appName": APPLICATION_NAME, "op": {"$in": ["query", "getmore"]}}
            seen += self._database["system.profile"].find(reads)
            self._database.drop_collection("system.profile")


@pytest.fixture
async def profiler(database: Database, mongo_client: Client) -> Profiler:
    """Fill three wallets: Alice's with 3,000 entries, one a minute, every tenth of them a top-up."""
    books = mongo_client[database.name]
    for user_id, entries in ((ALICE, ENTRIES), (BOB, 100), (DORA, 100)):
        wallet = Wallet.open(user_id, "USD", NOON)
        documents = []
        for number in range(entries):
            kind = EntryKind.TRANSFER if number % 10 else EntryKind.TOPUP
            entry = wallet.credit(1, Cause(f"t-{number}", kind, NOON + number * MINUTE))
            wallet = wallet.after(entry)
            documents.append(entry_to_document(entry))
        books["wallets"].insert_one(wallet_to_document(wallet))
        books["entries"].insert_many(documents)
    return Profiler(mongo_client, database.name)


@pytest.mark.parametrize(
    ("query", "index", "queries"),
    [
        (StatementQuery(ALICE, LIMIT), "_id: 1", 2),
        (StatementQuery(ALICE, LIMIT, before_sequence=1_500), "_id: 1", 2),
        (StatementQuery(ALICE, LIMIT, kind=EntryKind.TOPUP), "kind: 1", 2),
        (StatementQuery(ALICE, LIMIT, before_sequence=1_500, kind=EntryKind.TOPUP), "kind: 1", 2),
        (StatementQuery(ALICE, LIMIT, kind=EntryKind.REVERSAL), "kind: 1", 2),
    ],
)
async def test_a_page_costs_its_rows(
    database: Database, profiler: Profiler, query: StatementQuery, index: str, queries: int
) -> None:
    """Whatever is asked of a wallet with 3,000 entries: about as many keys as rows, no sort, no second fetch."""
    with profiler.watch() as seen:
        page = await page_of(MongoReader(database), query)

    assert page is not None
    assert queries == len(seen)
    assert index in str(seen[-1]["planSummary"])
    for each in seen:
        assert str(each["planSummary"]).startswith(("IXSCAN", "IDHACK"))
        assert int(str(each["docsExamined"])) <= max(1, len(page))
        assert int(str(each["keysExamined"])) <= len(page) + 3
        assert "hasSortStage" not in each


@pytest.mark.parametrize(
    ("query", "searches", "is_empty"),
    [
        (StatementQuery(ALICE, LIMIT, recorded_from=NOON + 100 * MINUTE), 1, False),
        (StatementQuery(ALICE, LIMIT, recorded_until=NOON + 1_500 * MINUTE), 1, False),
        (StatementQuery(ALICE, LIMIT, None, EntryKind.TOPUP, NOON + 100 * MINUTE, NOON + 2_500 * MINUTE), 2, False),
        (StatementQuery(ALICE, LIMIT, recorded_from=NOON + 9_999 * MINUTE), 1, True),
    ],
)
async def test_an_instant_costs_three_queries_among_thousands(
    database: Database,
    profiler: Profiler,
    query: StatementQuery,
    searches: int,
    is_empty: bool,  # noqa: FBT001 - a parameter
) -> None:
    """The first entry since an instant is found among 3,000 by reading at most 32 of them at a time, three times."""
    with profiler.watch() as seen:
        page = await page_of(MongoReader(database), query)

    probing = [each for each in seen if "$in" in str(each["command"]) and "recordedAt" in str(each["command"])]
    assert page is not None
    assert is_empty is (not page)
    assert len(seen) - len(probing) == 2 - is_empty
    assert len(probing) <= 3 * searches
    for each in probing:
        assert str(each["planSummary"]).startswith("IXSCAN { _id: 1 }")
        assert int(str(each["docsExamined"])) <= PROBES
        assert int(str(each["keysExamined"])) <= 2 * PROBES


async def test_an_instant_in_a_gap_of_the_books_is_an_error(
    database: Database, profiler: Profiler, mongo_client: Client
) -> None:
    """A statement that would have to guess, because an entry is gone, says so and names the audit."""
    wallet = await MongoReader(database).wallet_of(ALICE)
    assert wallet is not None
    for sequence in range(1, ENTRIES, 2):
        mongo_client[database.name]["entries"].delete_one({"_id": entry_key(wallet.id, sequence)})

    with pytest.raises(LedgerCorrupted, match=r"is missing: run 'wallet audit'"):
        await page_of(MongoReader(database), StatementQuery(ALICE, LIMIT, recorded_from=NOON + 100 * MINUTE))


@over_both_drivers
async def test_pages_together_cost_their_rows(database: Database, profiler: Profiler) -> None:
    """Pages of a long past and of short ones, read by one query, cost their rows alone: a range of the index each."""
    queries = [StatementQuery(ALICE, LIMIT), StatementQuery(ALICE, LIMIT, 1_500), StatementQuery(BOB, LIMIT)]
    reader = MongoReader(database)

    with profiler.watch() as seen:
        pages = await asyncio.gather(*(page_of(reader, query) for query in queries))

    assert [LIMIT] * 3 == [len(page or ()) for page in pages]
    assert ["IXSCAN { userId: 1 }", "IXSCAN { _id: 1 }"] == [str(each["planSummary"]).split(",")[0] for each in seen]
    assert 3 * LIMIT == seen[1]["docsExamined"]
    assert int(str(seen[1]["keysExamined"])) <= 3 * (LIMIT + 1)
    assert "hasSortStage" not in seen[1]


async def test_a_balance_costs_one_document(database: Database, profiler: Profiler) -> None:
    """A wallet is found by its owner through an index, in one query."""
    with profiler.watch() as seen:
        wallet = await MongoReader(database).wallet_of(BOB)

    assert wallet is not None
    assert [("IXSCAN { userId: 1 }", 1)] == [(each["planSummary"], each["docsExamined"]) for each in seen]


async def test_the_question_for_v1_wallets_costs_nothing(database: Database, profiler: Profiler) -> None:
    """Among wallets of ours the search for v1's looks at none of them."""
    with profiler.watch() as seen:
        assert [] == list(await unmigrated(database))

    by_balance, by_currency = [(str(each["planSummary"]), each["docsExamined"]) for each in seen]
    assert ("IXSCAN { balance: 1 }", 0) == by_balance
    assert by_currency[0].startswith("IXSCAN { currency: 1, _id: 1 }")
    assert 0 == by_currency[1]


@over_both_drivers
async def test_the_relay_reads_no_more_than_it_asks_for(database: Database, profiler: Profiler) -> None:
    """Rows and answers are found by their ids, in one query each."""
    pending = MongoPendingAnswers(database)
    with profiler.watch() as seen:
        await pending.pending(4)
        await pending.answers(["t-1", ALICE])

    assert 2 == len(seen)
    assert all(str(each["planSummary"]).startswith("IXSCAN { _id: 1 }") for each in seen)
