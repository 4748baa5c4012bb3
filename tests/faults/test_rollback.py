"""A unit of work across an election: what the old primary took alone is gone, what a majority has stays (T68, T69).

The set elects nobody by itself here: its members wait so long for each other that the test decides when.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.embedded import Mongod
from adapters.mongo.client import connect
from adapters.mongo.driver import Driver
from adapters.mongo.indexes import prepare
from adapters.mongo.pending_answers import MongoPendingAnswers
from tests.faults.replica_set import ReplicaSet
from tests.fixtures.driver import over_both_drivers
from tests.integration.fail_points import failing
from tests.integration.mongo_bank import ONE_EFFECT, Bank, CountingObserver
from tests.neighbour import eventually
from wallet_core import OutcomeKind
from wallet_core.testing.conformance.store import ALICE

ELECTION_TIMEOUT_MS = 60_000
"""Longer than the test: a primary without a majority stays one until it hears of its successor."""


UNCONFIRMED = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}
"""What a commit answers that has happened, and whose spread is not known."""


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    """Start a set in which nobody stands for election unless told to."""
    with ReplicaSet(tmp_path_factory.mktemp("rollback"), election_timeout_ms=ELECTION_TIMEOUT_MS) as started:
        yield started


@pytest.fixture
async def bank(replica_set: ReplicaSet, driver: Driver) -> AsyncIterator[Bank]:
    """Open the bank on the set."""
    observer = CountingObserver()
    database = connect(replica_set.url(f"wallet_{uuid.uuid4().hex[:12]}"), observer, driver)
    await prepare(database)
    bank = Bank(database, observer)
    await bank.open()
    yield bank
    await database.close()


@over_both_drivers
@pytest.mark.quick
@pytest.mark.fault("T69", "a primary without its majority takes a transfer", "proxies hold all between the members")
async def test_what_will_be_rolled_back_is_neither_answered_nor_read(bank: Bank, replica_set: ReplicaSet) -> None:
    """The commit waits for a majority, the balance read is the old one; in the end the transfer is applied once."""
    minority = await asyncio.to_thread(replica_set.partition_primary)
    transfer = asyncio.ensure_future(bank.transfer())
    await _has_written(replica_set, minority, bank.database.name)
    alice = await bank.reader.wallet_of(ALICE)
    to_publish = await MongoPendingAnswers(bank.database).pending(rows_max=10)
    is_answered = transfer.done()
    await asyncio.to_thread(replica_set.step_up, _other(replica_set, minority))
    await asyncio.to_thread(replica_set.heal)
    outcome = await transfer

    assert outcome is OutcomeKind.APPLIED
    assert ONE_EFFECT == await bank.effects(), "a transfer that was answered has been rolled back"
    assert alice is not None
    assert alice.balance_minor == 10_000, "a balance was read that has been rolled back"
    assert [] == to_publish, "an answer was about to be published that has been rolled back"
    assert not is_answered


@pytest.mark.fault("T68", "the reply to a commit is lost, then its primary", "failCommand on commits, replSetStepUp")
async def test_a_commit_that_a_majority_has_is_found_by_the_next_primary(bank: Bank, replica_set: ReplicaSet) -> None:
    """The commit is repeated where its result can be known, and the body is not: it was written once."""
    primary = await asyncio.to_thread(replica_set.primary)
    with replica_set.look(primary) as client, failing(client, ["commitTransaction"], writeConcernError=UNCONFIRMED):
        transfer = asyncio.ensure_future(bank.transfer())
        await _has_written(replica_set, primary, bank.database.name)
        await asyncio.to_thread(replica_set.step_up, _other(replica_set, primary))
        outcome = await transfer

    assert outcome is OutcomeKind.APPLIED
    assert ONE_EFFECT == await bank.effects()
    assert bank.observer.counts["commit_repeated"] > 0
    assert bank.observer.statements["insert outbox"] == 1


async def _has_written(replica_set: ReplicaSet, member: Mongod, database: str) -> None:
    """Wait until a member's own data hold the two entries of the transfer, whoever else has them."""
    with replica_set.look(member) as client:

        async def has() -> bool:
            return client[database]["entries"].count_documents({"kind": "transfer"}) == 2

        await eventually(has, "the transfer is in the data of the primary")


def _other(replica_set: ReplicaSet, member: Mongod) -> Mongod:
    return next(other for other in replica_set.members if other is not member)
