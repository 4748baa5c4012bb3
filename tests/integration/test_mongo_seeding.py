"""``wallet migrate --transactions-url``: v1's transactions on one database, our records on another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from bson import Binary, ObjectId

from adapters.embedded import Mongod
from adapters.mongo import seeding
from adapters.mongo.adoption import adopt
from adapters.mongo.client import APPLICATION_NAME, Database, connect
from adapters.mongo.driver import Driver
from adapters.mongo.errors import UnsuitableStore
from adapters.mongo.seeding import Finding, Seeding
from adapters.mongo.undecided import decide_not_applied
from adapters.mongo.unit_of_work import MongoUnitOfWork
from adapters.mongo.v1_books import are_v1_alone, changed_after
from tests.fixtures.driver import over_both_drivers
from tests.history import APPLIED, REFUSED, live
from tests.integration.fail_points import failing
from tests.integration.v1_transactions import (
    CREATED,
    STOPPED_AT,
    Client,
    V1Transactions,
    audited,
    id_at,
    v1_transactions,
)
from tests.scenario import ALICE, USD
from wallet_core import Policy, StoreUnavailable
from wallet_core.memory import ManualClock
from wallet_core.testing.conformance.store import error_of


@pytest.fixture
async def v1(database: Database, mongod: Mongod, mongo_client: Client, driver: Driver) -> AsyncIterator[V1Transactions]:
    """Give a database of v1's transactions service beside ours."""
    async with v1_transactions(database, mongod, mongo_client, driver) as transactions:
        yield transactions


@pytest.fixture(autouse=True)
def batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write in batches of two, so that every batch ends somewhere awkward."""
    monkeypatch.setattr(seeding, "BATCH_TRANSACTIONS", 2)


@over_both_drivers
async def test_each_status_becomes_its_record(v1: V1Transactions) -> None:
    """Completed, Failed and the rest are recorded, those for a person are listed, and the books fit."""
    applied, refused = v1.insert("Completed"), v1.insert("Failed", reason="Insufficient balance")
    pending, processing, odd = v1.insert("Pending"), v1.insert("Processing"), v1.insert("Completed", amount=0.001)
    left = v1.insert("Completed", _id="order-1")

    report = await v1.seed()

    findings, summary = await audited(v1.books)
    expected = {applied: "applied", refused: "refused", pending: "undecided", processing: "undecided", odd: "applied"}
    assert expected == v1.states()
    told = {
        f'"{left}"': Finding.LEFT,
        pending: Finding.UNDECIDED,
        processing: Finding.UNDECIDED,
        odd: Finding.UNREADABLE,
    }
    assert told == dict(v1.findings())
    assert (6, 6, 2, 1, 0, 0) == (
        report.total,
        report.seen,
        report.applied,
        report.refused,
        report.known,
        report.later,
    )
    assert ([], 5) == (findings, summary)


async def test_a_second_run_changes_nothing(v1: V1Transactions) -> None:
    """Every document of our books stays as it is; what waits for a person is listed again."""
    for status in ("Completed", "Failed", "Pending", "Completed", "Processing"):
        v1.insert(status)
    await v1.seed()
    before, listed = v1.everything(), v1.listed

    report = await v1.seed()

    assert (0, 0, 5) == (report.applied, report.refused, report.known)
    assert before == v1.everything()
    assert listed == v1.listed


@over_both_drivers
async def test_an_interrupted_run_is_finished_by_the_next(v1: V1Transactions, mongo_client: Client) -> None:
    """Stopped by a database that goes away, what is there is whole, and the next run records the rest."""
    ids = {v1.insert("Completed") for _ in range(7)}

    with failing(mongo_client, ["insert"], after=1, errorCode=50):
        error = await error_of(v1.seed())
    interrupted = len(v1.states())
    report = await v1.seed()

    assert isinstance(error, StoreUnavailable)
    assert (2, 2, 5) == (interrupted, report.known, report.applied)
    assert ids == v1.states().keys()


async def test_the_books_that_are_lived_in_are_left_alone(v1: V1Transactions) -> None:
    """A transaction of ours stays as it is, whatever v1's database says about it by now."""
    await live(MongoUnitOfWork(v1.books))
    before = v1.everything()
    v1.insert("Completed", _id=ObjectId(APPLIED))
    v1.insert("Pending", _id=ObjectId(REFUSED))

    report = await v1.seed()

    assert (2, []) == (report.known, v1.listed)
    assert before == v1.everything()


async def test_an_undecided_one_is_settled_by_completed_alone(v1: V1Transactions) -> None:
    """Completed says that v1 had applied it. Failed may be a time-out of what v1 had applied: a person decides."""
    ids = [v1.insert("Processing") for _ in range(3)]
    await v1.seed()
    v1.change(ids[0], "Completed")
    v1.change(ids[1], "Failed")

    report = await v1.seed()

    assert dict(zip(ids, ("applied", "undecided", "undecided"), strict=True)) == v1.states()
    assert (1, 0) == (report.applied, report.refused)
    assert [(ids[1], Finding.UNDECIDED), (ids[2], Finding.UNDECIDED)] == v1.findings()
    assert "Failed by its status now" in v1.listed[0].text
    assert [] == (await audited(v1.books))[0]


async def test_a_verdict_is_kept(v1: V1Transactions) -> None:
    """What a person has said not to be applied is not asked again; Failed refuses it, and Completed is told."""
    open_, failed, completed = ids = [v1.insert("Processing") for _ in range(3)]
    await v1.seed()
    assert [] == await decide_not_applied(v1.books, ids, ManualClock())

    again = await v1.seed()
    forgotten = v1.states()
    v1.change(failed, "Failed")
    v1.change(completed, "Completed")
    await v1.seed()

    assert (3, {}) == (again.known, forgotten)
    assert {failed: "refused", completed: "applied"} == v1.states()
    assert [(completed, Finding.CHANGED)] == v1.findings()
    assert open_ not in v1.states()


async def test_another_instant_of_v1s_end_is_refused(v1: V1Transactions) -> None:
    """The first one is kept: an earlier one would let go what v1 may have applied, and none at all hold back ours."""
    held = v1.insert("Processing")
    await v1.seed(STOPPED_AT + timedelta(microseconds=7))
    v1.insert("Pending", _id=id_at(STOPPED_AT + timedelta(hours=1)))

    for other in (CREATED - timedelta(hours=1), STOPPED_AT + timedelta(milliseconds=1)):
        with pytest.raises(UnsuitableStore, match="could be let go"):
            await v1.seed(other)
    report = await v1.seed()
    await v1.seed(STOPPED_AT + timedelta(microseconds=7))

    assert STOPPED_AT == v1.kept_stop()
    assert (1, {held: "undecided"}) == (report.later, v1.states())


async def test_a_status_that_has_turned_is_told_and_not_followed(v1: V1Transactions) -> None:
    """What was applied before us and is Failed now is for a person; the record stays."""
    id_ = v1.insert("Completed")
    await v1.seed()
    v1.change(id_, "Failed")

    await v1.seed()

    assert [(id_, Finding.CHANGED)] == v1.findings()
    assert {id_: "applied"} == v1.states()


async def test_what_was_created_after_v1_had_stopped_is_not_recorded(v1: V1Transactions) -> None:
    """Nothing is recorded of it, and what a run without the instant has taken for undecided is free again."""
    before, later = v1.insert("Pending"), v1.insert("Pending", _id=id_at(STOPPED_AT + timedelta(seconds=1)))
    await v1.seed()

    report = await v1.seed(STOPPED_AT)

    assert {before: "undecided"} == v1.states()
    told = [(before, Finding.UNDECIDED), (str(later), Finding.RELEASED)]
    assert (1, told) == (report.later, v1.findings())
    assert later not in v1.states()


async def test_a_wrong_database_is_refused(v1: V1Transactions, mongod: Mongod) -> None:
    """One without transactions, and the one of our own books, are refused before anything is written."""
    empty = connect(mongod.url("nothing_here"))
    before = v1.everything()

    for source, why in ((empty, "has no transactions"), (connect(mongod.url(v1.books.name)), "books of the wallets")):
        with pytest.raises(UnsuitableStore, match=why):
            await Seeding(source, v1.books, Policy(USD), ManualClock(), None).check()
        await source.close()

    assert before == v1.everything()


async def test_a_source_that_cannot_be_v1s_is_refused(v1: V1Transactions) -> None:
    """No transactions where v1's wallets hold money, and a foreign collection of that name, would seed nothing."""
    wallets = [{"userId": ObjectId(), "balance": balance} for balance in (0, 5)]
    books = v1.client[v1.books.name]
    books.command({"insert": "wallets", "documents": wallets[:1], "bypassDocumentValidation": True})
    without_money = await v1.seed()
    books.command({"insert": "wallets", "documents": wallets[1:], "bypassDocumentValidation": True})

    with pytest.raises(UnsuitableStore, match=r"is empty, and v1's wallets hold money.*--without-transactions"):
        await v1.seed()
    v1.insert("Completed", type="Invoice")
    v1.insert("paid")
    with pytest.raises(UnsuitableStore, match="holds none with a status and a type of v1's"):
        await v1.seed()

    assert (0, {}) == (without_money.total, v1.states())


async def test_a_document_that_cannot_be_read_is_named(v1: V1Transactions) -> None:
    """A UUID of one byte ends the run with the document's id; what was recorded before it stays."""
    before = [v1.insert("Completed") for _ in range(3)]
    bad = v1.insert("Completed", amount=Binary(b"x", 4))
    v1.insert("Completed")

    with pytest.raises(UnsuitableStore, match=f"transaction {bad} of the database"):
        await v1.seed()

    assert set(v1.states()) < set(before)


async def test_v1s_database_is_only_read(v1: V1Transactions, mongo_client: Client) -> None:
    """No command that we send there writes, and none asks for a replica set."""
    for status in ("Completed", "Pending", "Failed"):
        v1.insert(status)
    profiled = mongo_client[v1.source.name]
    profiled.command({"profile": 2})

    await v1.seed()

    profiled.command({"profile": 0})
    sent = profiled["system.profile"].aggregate(
        [
            {"$match": {"appName": APPLICATION_NAME}},
            {"$group": {"_id": {"$first": {"$map": {"input": {"$objectToArray": "$command"}, "in": "$$this.k"}}}}},
        ]
    )
    assert {"count", "find"} == {each["_id"] for each in sent} - {"getMore", "listCollections"}


async def test_a_standalone_server_will_do(v1: V1Transactions, tmp_path: Path) -> None:
    """v1's compose file runs a server without a replica set, and it may be another one than ours."""
    with Mongod(tmp_path, replica_set=None) as server, Client(server.url()) as client:
        client["mint_txns"]["transactions"].insert_many(
            [{"_id": ObjectId(), "type": "TopUp", "userId": ObjectId(ALICE), "amount": 1, "status": "Completed"}]
        )
        source = connect(server.url("mint_txns"))
        run = Seeding(source, v1.books, Policy(USD), ManualClock(), None)
        await run.check()
        await run.run(v1.listed.append)
        await source.close()

    assert (1, []) == (run.report.applied, v1.listed)


async def test_it_shows_whether_v1s_books_were_taken_over(database: Database, mongo_client: Client) -> None:
    """They are v1's alone while there are wallets and none of ours; an empty database is nobody's."""
    empty = await are_v1_alone(database)
    wallet = {"_id": ObjectId(), "userId": ObjectId(), "balance": 1, "updatedAt": STOPPED_AT}
    mongo_client[database.name].command({"insert": "wallets", "documents": [wallet], "bypassDocumentValidation": True})

    alone = await are_v1_alone(database)
    changed = await changed_after(database, STOPPED_AT - timedelta(milliseconds=1))
    unchanged = await changed_after(database, STOPPED_AT)
    mongo_client[database.name]["wallets_v1"].insert_one({**wallet, "updatedAt": STOPPED_AT + timedelta(seconds=1)})
    changed_in_the_copy = await changed_after(database, STOPPED_AT)
    await adopt(database, USD, ManualClock(), lambda _: None)

    assert (False, True, False) == (empty, alone, await are_v1_alone(database))
    assert (str(wallet["_id"]), None, str(wallet["_id"])) == (changed, unchanged, changed_in_the_copy)
