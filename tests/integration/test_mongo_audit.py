"""The audit of a real database: clean where the books are right, loud where somebody has touched them, and live."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from bson import Int64, ObjectId
from pymongo import MongoClient
from pymongo.database import Database as PlainDatabase

from adapters.mongo import snapshot
from adapters.mongo.adoption import adopt
from adapters.mongo.audit import MongoAudit
from adapters.mongo.client import APPLICATION_NAME, Database, connect
from adapters.mongo.driver import Driver
from adapters.mongo.errors import SNAPSHOT_TOO_OLD, SnapshotLost
from adapters.mongo.observer import NobodyObserves
from adapters.mongo.reversals_due import reversals_due
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.fixtures.driver import over_both_drivers
from tests.history import (
    ALICE,
    APPLIED,
    BOB,
    CAROL,
    DUE,
    HELD_MINOR,
    REFUSED,
    SENT,
    SPENT,
    TAKEN_BACK,
    USD,
    live,
    transfer,
)
from tests.integration.fail_points import failing
from wallet_core import OutcomeKind, Policy, post_all
from wallet_core.audit import Check, Finding, Summary
from wallet_core.memory import ManualClock
from wallet_core.wallet import wallet_id_of

Client = MongoClient[dict[str, object]]
Books = PlainDatabase[dict[str, object]]

ALICES, BOBS, CAROLS = (wallet_id_of(user_id, "USD") for user_id in (ALICE, BOB, CAROL))


@pytest.fixture(autouse=True, params=[2, 1_000])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in chunks of two documents, so that every chunk ends somewhere awkward, and in large ones."""
    monkeypatch.setattr(snapshot, "PAGE", request.param)


@pytest.fixture
async def lived_in(database: Database) -> Database:
    """Live the whole history."""
    await live(MongoUnitOfWork(database))
    return database


async def audited(database: Database) -> tuple[list[Finding], Summary]:
    """Run an audit."""
    run = MongoAudit(database)
    return [finding async for finding in run.findings()], run.summary


async def test_an_empty_database_is_right(database: Database) -> None:
    """Nothing stored, nothing wrong."""
    assert ([], 0) == ((result := await audited(database))[0], result[1].wallets)


async def test_books_that_are_right_have_no_finding(lived_in: Database) -> None:
    """The whole history is clean, and its money adds up from all three sides."""
    findings, summary = await audited(lived_in)

    money = summary.money["USD"]
    assert [] == findings
    assert (3, 1, 4) == (summary.wallets, summary.reversals_due, summary.outbox_rows)
    assert HELD_MINOR == money.held_minor == money.posted_minor == money.came_in_minor - money.went_out_minor


async def test_an_adopted_database_is_right(database: Database, mongo_client: Client) -> None:
    """After an adoption the audit is clean, and counts the wallets that wait for a person."""
    for balance in (12.5, 0, 0.1 + 0.2, -1):
        wallet = {"userId": ObjectId(), "balance": balance}
        mongo_client[database.name].command(
            {"insert": "wallets", "documents": [wallet], "bypassDocumentValidation": True}
        )
    await adopt(database, USD, ManualClock(), lambda _: None)

    findings, summary = await audited(database)

    assert [] == findings
    assert (3, 2, 2, 1) == (summary.wallets, summary.entries, summary.transactions, summary.waiting)


@dataclass(frozen=True)
class Vandalism:
    """What somebody does to a document, past the validator."""

    where: str
    id: object
    update: dict[str, object]
    new_wallet_id: object = None

    def commit(self, client: Client, database: Database) -> None:
        """Do it."""
        query = {} if self.where == "outbox" else {"_id": self.id}
        update = {"q": query, "u": self.update}
        statement = {"update": self.where, "updates": [update], "bypassDocumentValidation": True}
        assert client[database.name].command(statement)["nModified"] == 1
        if self.new_wallet_id is not None:
            self._move(client[database.name])

    def _move(self, books: Books) -> None:
        """Store an entry under another wallet's id."""
        assert isinstance(self.id, dict)
        (entry,) = books[self.where].find({"_id": self.id})
        books[self.where].delete_one({"_id": self.id})
        moved = {**entry, "_id": {**self.id, "w": self.new_wallet_id}}
        books.command({"insert": self.where, "documents": [moved], "bypassDocumentValidation": True})


VANDALISM: list[tuple[str, Vandalism, set[tuple[Check, str]]]] = [
    (
        "a wrong balance",
        Vandalism("wallets", ObjectId(ALICES), {"$set": {"balanceMinor": Int64(1)}}),
        {(Check.WALLET, ALICES), (Check.MONEY, "USD")},
    ),
    (
        "a float as balance",
        Vandalism("wallets", ObjectId(BOBS), {"$set": {"balanceMinor": 1.5}}),
        {(Check.UNREADABLE, f"wallet {BOBS}"), (Check.ENTRY, f"{BOBS}/1"), (Check.MONEY, "USD")},
    ),
    (
        "an altered entry",
        Vandalism("entries", {"w": ObjectId(BOBS), "n": Int64(1)}, {"$set": {"description": "gift"}}),
        {(Check.CHAIN, f"{BOBS}/1")},
    ),
    (
        "an entry of another transaction",
        Vandalism("entries", {"w": ObjectId(ALICES), "n": Int64(2)}, {"$set": {"transactionId": "stranger"}}),
        {(Check.CHAIN, f"{ALICES}/2"), (Check.TRANSACTION, APPLIED), (Check.ENTRY, f"{ALICES}/2")},
    ),
    (
        "an illegal state",
        Vandalism("transactions", ObjectId(SENT), {"$set": {"state": "void"}}),
        {(Check.TRANSACTION, SENT)},
    ),
    (
        "an entry whose key nobody would look for",
        Vandalism("entries", {"w": ObjectId(ALICES), "n": Int64(2)}, {"$set": {"description": "moved"}}, "zzz"),
        {
            (Check.UNREADABLE, "entry zzz/2"),
            (Check.ENTRY, "zzz/2"),
            (Check.ENTRY, f"{ALICES}/3"),
            (Check.CHAIN, f"{ALICES}/3"),
            (Check.TRANSACTION, APPLIED),
            (Check.MONEY, "USD"),
        },
    ),
    (
        "a wallet of another user",
        Vandalism("wallets", ObjectId(CAROLS), {"$set": {"userId": "dave"}}),
        {(Check.TRANSACTION, id_) for id_ in (f"opening:{CAROLS}", TAKEN_BACK, DUE, SPENT)},
    ),
    (
        "a row without a time",
        Vandalism("outbox", "oldest", {"$unset": {"createdAt": ""}}),
        {(Check.UNREADABLE, "outbox row")},
    ),
    (
        "an unknown state",
        Vandalism("transactions", ObjectId(REFUSED), {"$set": {"state": "pending"}}),
        {(Check.UNREADABLE, f"transaction {REFUSED}")},
    ),
    (
        "a missing answer",
        Vandalism("transactions", ObjectId(SENT), {"$unset": {"answer": ""}}),
        {(Check.TRANSACTION, SENT), (Check.OUTBOX, "row")},
    ),
]


@pytest.mark.parametrize(
    ("vandalism", "expected"), [each[1:] for each in VANDALISM], ids=[each[0].replace(" ", "_") for each in VANDALISM]
)
async def test_every_planted_error_is_found_and_named(
    lived_in: Database, mongo_client: Client, vandalism: Vandalism, expected: set[tuple[Check, str]]
) -> None:
    """Whatever somebody does to a document past the validator is told with its id, and nothing else is."""
    vandalism.commit(mongo_client, lived_in)

    findings, _ = await audited(lived_in)

    assert expected == {(finding.check, subject_of(finding)) for finding in findings}


def subject_of(finding: Finding) -> str:
    """Give the subject of a finding; the id of a row of the outbox is drawn, so it is left away."""
    if finding.check is Check.OUTBOX:
        return "row"
    return "outbox row" if finding.subject.startswith("outbox row") else finding.subject


@pytest.mark.parametrize(
    ("where", "id_", "expected"),
    [
        (
            "entries",
            {"w": ObjectId(ALICES), "n": Int64(2)},
            {
                (Check.ENTRY, f"{ALICES}/3"),
                (Check.CHAIN, f"{ALICES}/3"),
                (Check.TRANSACTION, APPLIED),
                (Check.MONEY, "USD"),
            },
        ),
        ("wallets", ObjectId(CAROLS), {(Check.ENTRY, f"{CAROLS}/1"), (Check.MONEY, "USD")}),
        (
            "transactions",
            ObjectId(SENT),
            {(Check.ENTRY, f"{ALICES}/3"), (Check.ENTRY, f"{BOBS}/2"), (Check.OUTBOX, "row")},
        ),
    ],
)
async def test_everything_missing_is_found(
    lived_in: Database, mongo_client: Client, where: str, id_: object, expected: set[tuple[Check, str]]
) -> None:
    """A removed entry, wallet or record is missed where others rely on it."""
    mongo_client[lived_in.name][where].delete_one({"_id": id_})

    findings, _ = await audited(lived_in)

    assert expected == {(finding.check, subject_of(finding)) for finding in findings}


@pytest.mark.parametrize("id_", ["507F1F77BCF86CD799439AAA", "507f1f77bcf86cd799439aaa"])
async def test_a_record_that_nobody_would_find_is_found(lived_in: Database, mongo_client: Client, id_: str) -> None:
    """A record whose id is the text of an ObjectId, in either case, is named: its money would move again."""
    books = mongo_client[lived_in.name]
    record = {**(books["transactions"].find_one({"_id": ObjectId(REFUSED)}) or {}), "_id": id_}
    books["transactions"].insert_one(record, bypass_document_validation=True)

    findings, _ = await audited(lived_in)

    assert [(Check.UNREADABLE, f"transaction {id_}")] == [(each.check, each.subject) for each in findings]


async def test_a_due_reversal_that_cannot_be_read_is_told_by_the_audit_alone(
    lived_in: Database, mongo_client: Client
) -> None:
    """The list of due reversals leaves it away, and does not break over it."""
    (before,) = await reversals_due(lived_in, 10)
    Vandalism("transactions", ObjectId(DUE), {"$set": {"vocabulary": "esperanto"}}).commit(mongo_client, lived_in)

    after = await reversals_due(lived_in, 10)
    findings, _ = await audited(lived_in)

    assert (DUE, []) == (before.id, list(after))
    assert (Check.UNREADABLE, f"transaction {DUE}") in {(finding.check, finding.subject) for finding in findings}


async def move_money(unit_of_work: MongoUnitOfWork, transfers: int) -> None:
    """Send a cent to and fro, one transfer after the other."""
    for number in range(transfers):
        request = transfer(f"busy-{number}", *((ALICE, BOB) if number % 2 else (BOB, ALICE)), 1)
        (outcome,) = await post_all([request], unit_of_work, ManualClock(), Policy(USD))
        assert OutcomeKind.APPLIED is outcome.kind


@over_both_drivers
async def test_a_live_system_is_audited_without_stopping_it(lived_in: Database) -> None:
    """While transfers go on between the wallets, audit after audit is clean, and sees some of them."""
    _, before = await audited(lived_in)

    moving = asyncio.ensure_future(move_money(MongoUnitOfWork(lived_in), transfers=60))
    results = []
    while not moving.done():
        results.append(await audited(lived_in))
    await moving

    seen = {summary.entries for _, summary in results}
    assert [] == [finding for findings, _ in results for finding in findings]
    assert {HELD_MINOR} == {summary.money["USD"].held_minor for _, summary in results}
    assert any(before.entries < entries < before.entries + 120 for entries in seen)


@over_both_drivers
async def test_an_audit_may_be_left_early(lived_in: Database, mongo_client: Client) -> None:
    """Whoever has seen enough closes it; soon nothing is open on the server."""
    mongo_client[lived_in.name]["wallets"].delete_many({})
    run = MongoAudit(lived_in)

    async with aclosing(run.findings()) as findings:
        first = await anext(findings)

    assert Check.ENTRY is first.check
    give_up_at_s = time.monotonic() + 10  # the driver closes what a snapshot session has left within a second
    while mongo_client.admin.command("serverStatus")["metrics"]["cursor"]["open"]["total"]:
        assert time.monotonic() < give_up_at_s
        await asyncio.sleep(0.05)


async def test_an_instant_that_is_never_kept_says_what_to_set(lived_in: Database, mongo_client: Client) -> None:
    """An audit on a server that drops each instant at once ends with the parameter to raise."""
    with (
        failing(mongo_client, ["find", "getMore"], after=1, errorCode=SNAPSHOT_TOO_OLD),
        pytest.raises(SnapshotLost, match="minSnapshotHistoryWindowInSeconds"),
    ):
        await audited(lived_in)


class LosesSnapshot(NobodyObserves):
    """Makes the server drop the instant that is read, once, after so many reads."""

    def __init__(self, client: Client, reads: int) -> None:
        """Take a client to tell the server by."""
        self._client = client
        self.reads_left = reads

    def statement_ended(self, operation: str, collection: str, duration_s: float) -> None:
        """Count a read; an audit does nothing else."""
        assert (operation, duration_s > 0) == ("find", True), collection
        self.reads_left -= 1
        if self.reads_left == 0:
            data = {"failCommands": ["find"], "appName": APPLICATION_NAME, "errorCode": SNAPSHOT_TOO_OLD}
            self._client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": data})


@asynccontextmanager
async def losing_snapshot(database_url: str, driver: Driver, client: Client, reads: int) -> AsyncIterator[Database]:
    """Connect to a database whose server drops the instant of an audit once, after so many reads."""
    observer = LosesSnapshot(client, reads)
    connected = connect(database_url, observer, driver)
    try:
        yield connected
    finally:
        await connected.close()
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


async def test_an_instant_that_is_gone_is_followed_by_a_later_one(
    lived_in: Database, mongo_client: Client, database_url: str, driver: Driver
) -> None:
    """Wherever the server drops the instant, the audit finds the same, tells each once, and counts nothing twice."""
    mongo_client[lived_in.name]["transactions"].delete_one({"_id": ObjectId(SENT)})
    mongo_client[lived_in.name]["wallets"].update_one({"_id": ObjectId(CAROLS)}, {"$inc": {"version": Int64(1)}})
    findings, summary = await audited(lived_in)
    is_lost, reads = True, 0

    while is_lost:
        reads += 1
        async with losing_snapshot(database_url, driver, mongo_client, reads) as database:
            later_findings, later = await audited(database)
        is_lost = later.instants > 1

        assert [each for each in findings if each.check is not Check.MONEY or not is_lost] == later_findings
        assert replace(summary, instants=0, findings=0) == replace(later, instants=0, findings=0)

    assert reads > 10


async def test_a_live_system_is_right_at_several_instants(
    lived_in: Database, mongo_client: Client, database_url: str, driver: Driver
) -> None:
    """While transfers go on, no audit that has lost its instant takes what was posted in between for an error."""
    moving = asyncio.ensure_future(move_money(MongoUnitOfWork(lived_in), transfers=200))
    results, reads = [], 0
    while not moving.done():
        reads = reads % 20 + 1
        async with losing_snapshot(database_url, driver, mongo_client, reads) as database:
            results.append(await audited(database))
    await moving

    assert [] == [finding for findings, _ in results for finding in findings]
    assert 2 in {summary.instants for _, summary in results}
