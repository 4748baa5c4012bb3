"""Explanations over a real database: the same as in memory, by reads of few documents, and without a write."""

from __future__ import annotations

from datetime import timedelta

from bson import ObjectId
from pymongo import MongoClient

from adapters.mongo.client import APPLICATION_NAME, Database
from adapters.mongo.past import MongoPast
from adapters.mongo.undecided import decide_not_applied
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.history import ALICE, APPLIED, BOB, CAROL, DUE, REFUSED, USD, live, topup, transfer
from wallet_core import OpenWallet, Policy, post_all
from wallet_core.explanation import Verdict, explain_transaction
from wallet_core.ledger import TransactionRecord
from wallet_core.legacy import undecided_record
from wallet_core.memory import ManualClock, MemoryStore
from wallet_core.memory.past import MemoryPast
from wallet_core.past import UNCERTAINTY, VERSIONS_MAX, recall
from wallet_core.ports import Books, UnitOfWork

Client = MongoClient[dict[str, object]]

POLICY = Policy(USD, opening_balance_minor=10_000)
BUSY = 3 * VERSIONS_MAX
EXAMINED_MAX = 2 * (2 * VERSIONS_MAX + 1) + 10


async def test_it_says_what_it_says_in_memory(database: Database) -> None:
    """Every transaction of a history that has them all is explained alike, and ends as it did."""
    store = MemoryStore(ManualClock())
    await live(store)
    await live(MongoUnitOfWork(database))

    for record in store.transactions():
        in_memory = await explain_transaction(record.id, MemoryPast(store), POLICY)
        assert in_memory == await explain_transaction(record.id, MongoPast(database), POLICY)
        assert Verdict.SAME is in_memory.verdict


async def busy(unit_of_work: UnitOfWork) -> None:
    """Let Alice get 3,000 top-ups within a moment, and be refused in the middle of it."""
    clock, policy = ManualClock(), Policy(USD)
    await post_all([OpenWallet(ALICE), OpenWallet(BOB)], unit_of_work, clock, policy)
    clock.advance(2 * UNCERTAINTY)
    half = BUSY // 2
    for first in (0, half):
        topups = [topup(f"{1_000 + first + number:024x}", ALICE, 1) for number in range(half)]
        await post_all([*topups, transfer(REFUSED, ALICE, BOB, 2_000)], unit_of_work, clock, policy)
        clock.advance(timedelta(milliseconds=1))


async def test_a_busy_wallet_costs_no_more_than_its_bound(database: Database, mongo_client: Client) -> None:
    """Whatever the number of its entries, few are read, each by its id; the range says what is not known."""
    await busy(MongoUnitOfWork(database))
    profiled = mongo_client[database.name]

    profiled.command({"profile": 2})
    explanation = await explain_transaction(REFUSED, MongoPast(database), Policy(USD))
    profiled.command({"profile": 0})
    reads = list(profiled["system.profile"].find({"appName": APPLICATION_NAME, "op": {"$ne": "command"}}))
    recollection = await recall(REFUSED, MongoPast(database))

    assert Verdict.SAME is explanation.verdict
    assert {"query", "getmore"} >= {str(read["op"]) for read in reads}
    assert all("COLLSCAN" not in str(read["planSummary"]) for read in reads)
    assert EXAMINED_MAX >= sum(int(str(read["docsExamined"])) for read in reads)
    assert 2 * VERSIONS_MAX + 1 >= len(recollection.entries)


async def test_a_user_that_may_only_read_is_enough(database: Database, mongo_client: Client) -> None:
    """No document, no collection and no index is written."""
    await live(MongoUnitOfWork(database))
    before = mongo_client[database.name].command({"dbHash": 1})["md5"]

    for id_ in (APPLIED, REFUSED, DUE, f"{0xFFFF:024x}"):
        await explain_transaction(id_, MongoPast(database), POLICY)

    assert before == mongo_client[database.name].command({"dbHash": 1})["md5"]


async def test_a_verdict_about_v1_is_known(database: Database) -> None:
    """When a person has said that v1 had not applied a transaction is told; of any other it is not."""
    clock = ManualClock()
    undecided = undecided_record(transfer(APPLIED, ALICE, CAROL, 5), POLICY, clock.now())
    await _keep(undecided, MongoUnitOfWork(database))
    past = MongoPast(database)

    before = await past.not_applied_at(APPLIED)
    await decide_not_applied(database, [APPLIED], clock)

    assert (None, clock.now(), None) == (
        before,
        await past.not_applied_at(APPLIED),
        await past.not_applied_at(str(ObjectId())),
    )


async def _keep(record: TransactionRecord, unit_of_work: UnitOfWork) -> None:
    async def work(books: Books) -> None:
        await books.journal.record_many([record])

    await unit_of_work.run(work)
