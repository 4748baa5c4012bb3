"""The legacy transactions that a person decides about: what is shown of them, and what a verdict does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from bson import ObjectId

from adapters.embedded import Mongod
from adapters.mongo.adoption import adopt
from adapters.mongo.client import Database
from adapters.mongo.driver import Driver
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.undecided import Touched, decide_applied, decide_not_applied, list_undecided
from tests.integration.v1_transactions import CREATED, Client, Document, V1Transactions, audited, id_at, v1_transactions
from tests.scenario import ALICE, BOB, USD
from wallet_core import FinalStatus, LedgerCorrupted
from wallet_core.memory import ManualClock

BEFORE, AFTER = CREATED - timedelta(milliseconds=1), CREATED
OPENED = CREATED - timedelta(days=9)
USERS = ((1, ALICE), (2, BOB))


@pytest.fixture
async def v1(database: Database, mongod: Mongod, mongo_client: Client, driver: Driver) -> AsyncIterator[V1Transactions]:
    """Give a database of v1's transactions service beside ours."""
    async with v1_transactions(database, mongod, mongo_client, driver) as transactions:
        yield transactions


async def test_a_person_decides(v1: V1Transactions) -> None:
    """What was applied is recorded so and answered in v1's place; what was not is forgotten; others are not touched."""
    applied, not_applied, open_ = (v1.insert("Processing") for _ in range(3))
    settled = v1.insert("Completed")
    await v1.seed()

    listed = [each.record.id for each in await list_undecided(v1.books, 10)]
    others = await decide_applied(v1.books, [applied, applied, settled, "nobody"], ManualClock())
    others_not = await decide_not_applied(v1.books, [not_applied, settled, applied], ManualClock())

    rows = await MongoPendingAnswers(v1.books).pending(10)
    answers = await MongoPendingAnswers(v1.books).answers([applied])
    assert [applied, not_applied, open_] == listed
    assert ([settled, "nobody"], [settled, applied]) == (list(others), list(others_not))
    assert {applied: "applied", settled: "applied", open_: "undecided"} == v1.states()
    assert [(applied,)] == [row.transaction_ids for row in rows]
    assert FinalStatus.COMPLETED is answers[applied].status
    assert [open_] == [each.record.id for each in await list_undecided(v1.books, 10)]
    assert [] == (await audited(v1.books))[0]


@pytest.mark.parametrize(
    ("alice", "bob", "touched"),
    [
        ({"balance": 5, "updatedAt": BEFORE}, {"balance": 5, "updatedAt": BEFORE}, Touched.NO),
        ({"balance": 5, "updatedAt": BEFORE}, {"balance": 0, "updatedAt": BEFORE}, Touched.NO),
        ({"balance": 5, "updatedAt": AFTER}, {"balance": 5, "updatedAt": BEFORE}, Touched.MAYBE),
        ({"balance": 5, "updatedAt": BEFORE}, {"balance": 0, "updatedAt": AFTER}, Touched.MAYBE),
        ({"balance": 5, "updatedAt": BEFORE}, {"balance": -1, "updatedAt": BEFORE}, Touched.UNKNOWN),
        ({"balance": 5, "updatedAt": BEFORE}, None, Touched.UNKNOWN),
        ({"balance": 5}, {"balance": 5, "updatedAt": BEFORE}, Touched.UNKNOWN),
    ],
    ids=["none touched", "an empty one", "sender", "recipient", "not adopted", "no wallet", "no stamp"],
)
async def test_it_shows_whether_v1_has_touched_the_wallets(
    v1: V1Transactions,
    alice: Document,
    bob: Document | None,
    touched: Touched,
) -> None:
    """It says no only where v1's own stamps show that every wallet concerned was last changed before."""
    v1.insert("Processing")
    wallets = [(ALICE, alice), *([] if bob is None else [(BOB, bob)])]
    documents = [{"_id": ObjectId(), "userId": ObjectId(user), "createdAt": OPENED, **own} for user, own in wallets]
    v1.client[v1.books.name].command({"insert": "wallets", "documents": documents, "bypassDocumentValidation": True})
    v1.client[v1.books.name]["wallets_v1"].insert_many(documents)
    await v1.seed()
    await adopt(v1.books, USD, ManualClock(), lambda _: None)

    (listed,) = await list_undecided(v1.books, 10)

    assert (CREATED, touched) == (listed.created_at, listed.touched)


@pytest.mark.parametrize(
    ("dates", "has_copy"),
    [
        ({"createdAt": OPENED}, True),
        ({}, True),
        ({"createdAt": OPENED, "updatedAt": OPENED}, True),
        ({"createdAt": OPENED, "updatedAt": BEFORE}, False),
    ],
    ids=["createdAt alone", "no date", "never stamped again", "no copy"],
)
async def test_it_claims_nothing_about_a_v1_that_may_not_stamp(
    v1: V1Transactions,
    dates: Document,
    has_copy: bool,  # noqa: FBT001 - parametrized
) -> None:
    """Where nothing proves that v1 stamps its changes, nobody knows whether it has touched the wallets."""
    v1.insert("Processing")
    documents = [
        {"_id": id_at(OPENED, number), "userId": ObjectId(user), "balance": 5, **dates} for number, user in USERS
    ]
    v1.client[v1.books.name].command({"insert": "wallets", "documents": documents, "bypassDocumentValidation": True})
    if has_copy:
        v1.client[v1.books.name]["wallets_v1"].insert_many(documents)
    await v1.seed()
    await adopt(v1.books, USD, ManualClock(), lambda _: None)

    (listed,) = await list_undecided(v1.books, 10)

    assert Touched.UNKNOWN is listed.touched


@pytest.mark.parametrize(
    ("id_", "why"), [("order-1", "its _id is no ObjectId"), (ObjectId(), "stored field currency is missing")]
)
async def test_a_damaged_record_is_named(v1: V1Transactions, id_: object, why: str) -> None:
    """A record that cannot be one of v1's ends the list with its id."""
    record = {"_id": id_, "state": "undecided", "vocabulary": "v1", "recordedAt": CREATED, "changedAt": CREATED}
    v1.client[v1.books.name].command(
        {"insert": "transactions", "documents": [record], "bypassDocumentValidation": True}
    )

    with pytest.raises(LedgerCorrupted, match=why) as raised:
        await list_undecided(v1.books, 10)

    assert str(id_) in str(raised.value)
