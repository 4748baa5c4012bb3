"""The legacy transactions that a person decides about: what is shown of them, and what a verdict does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from bson import ObjectId

from adapters.embedded import Mongod
from adapters.mongo.adoption import adopt
from adapters.mongo.client import Database
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.undecided import decide_applied, decide_not_applied, list_undecided
from tests.integration.v1_transactions import CREATED, Client, Document, V1Transactions, audited, v1_transactions
from tests.scenario import ALICE, BOB, USD
from wallet_core import FinalStatus
from wallet_core.memory import ManualClock

BEFORE, AFTER = CREATED - timedelta(milliseconds=1), CREATED


@pytest.fixture
async def v1(database: Database, mongod: Mongod, mongo_client: Client) -> AsyncIterator[V1Transactions]:
    """Give a database of v1's transactions service beside ours."""
    async with v1_transactions(database, mongod, mongo_client) as transactions:
        yield transactions


async def test_a_person_decides(v1: V1Transactions) -> None:
    """What was applied is recorded so and answered in v1's place; what was not is forgotten; others are not touched."""
    applied, not_applied, open_ = (v1.insert("Processing") for _ in range(3))
    settled = v1.insert("Completed")
    await v1.seed()

    listed = [each.record.id for each in await list_undecided(v1.books, 10)]
    others = await decide_applied(v1.books, [applied, applied, settled, "nobody"], ManualClock())
    others_not = await decide_not_applied(v1.books, [not_applied, settled, applied])

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
    ("alice", "bob", "may_be_applied"),
    [
        ({"balance": 5, "updatedAt": BEFORE}, {"balance": 5, "updatedAt": BEFORE}, False),
        ({"balance": 5, "updatedAt": BEFORE}, {"balance": 0, "updatedAt": BEFORE}, False),
        ({"balance": 5, "updatedAt": AFTER}, {"balance": 5, "updatedAt": BEFORE}, True),
        ({"balance": 5, "updatedAt": BEFORE}, {"balance": 0, "updatedAt": AFTER}, True),
        ({"balance": 5, "updatedAt": BEFORE}, {"balance": -1, "updatedAt": BEFORE}, True),
        ({"balance": 5, "updatedAt": BEFORE}, None, True),
    ],
    ids=["none touched", "an empty one", "sender", "recipient", "not adopted", "no wallet"],
)
async def test_it_shows_whether_v1_has_touched_the_wallets(
    v1: V1Transactions,
    alice: Document,
    bob: Document | None,
    may_be_applied: bool,  # noqa: FBT001 - parametrized
) -> None:
    """Only where every wallet concerned was last changed before the transaction was created it says no."""
    v1.insert("Processing")
    wallets = [(ALICE, alice), *([] if bob is None else [(BOB, bob)])]
    documents = [{"userId": ObjectId(user), "createdAt": CREATED - timedelta(days=9), **own} for user, own in wallets]
    v1.client[v1.books.name].command({"insert": "wallets", "documents": documents, "bypassDocumentValidation": True})
    await v1.seed()
    await adopt(v1.books, USD, ManualClock(), lambda _: None)

    (listed,) = await list_undecided(v1.books, 10)

    assert (CREATED, may_be_applied) == (listed.created_at, listed.may_be_applied)
