"""The steps at the books: an observer hears of each, in the order in which a process could die between them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from adapters.mongo.client import connect
from adapters.mongo.driver import Driver
from adapters.mongo.indexes import INDEXES, prepare
from adapters.mongo.observer import NobodyObserves
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.schemas import VALIDATORS
from adapters.mongo.steps import STATEMENTS, StoreStep
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.fixtures.driver import over_both_drivers
from tests.scenario import ALICE, BOB, USD, Event, failed, signup, topup, transaction_id, transfer
from wallet_core import Policy, post_all, request_of
from wallet_core.commands import Request, SetAside
from wallet_core.memory import ManualClock
from wallet_core.ports import PendingRow

TOPUP, TRANSFER = transaction_id(1), transaction_id(2)


class Recorder(NobodyObserves):
    """Keeps the steps, and the statements between them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.steps: list[StoreStep] = []
        self.ids: dict[StoreStep, list[str | None]] = {}
        self.about: list[str] = []
        self.untold = 0

    def statement_ended(self, operation: str, collection: str, duration_s: float) -> None:  # noqa: ARG002
        """Count what no step has told yet."""
        self.untold += operation != "commit"

    def reached(self, step: StoreStep, ids: Iterable[str | None] = (), about: str = "") -> None:
        """Keep a step."""
        self.steps.append(step)
        self.ids[step] = list(ids)
        self.about.append(about)
        self.untold -= step in STATEMENTS.values()


def requests(*events: Event) -> list[Request]:
    """Read events."""
    read = [request_of(event.subject, event.message, USD) for event in events]
    return [request for request in read if not isinstance(request, SetAside)]


@pytest.fixture
def recorder() -> Recorder:
    """Give an observer that keeps what it hears."""
    return Recorder()


@over_both_drivers
async def test_every_collection_and_index_is_told(database_url: str, driver: Driver, recorder: Recorder) -> None:
    """On an empty database each thing made is a step of its own; on a prepared one nothing is made."""
    database = connect(database_url, recorder, driver)

    await prepare(database)
    made = list(recorder.about)
    await prepare(database)
    await database.close()

    assert [*VALIDATORS, *(f"{index.name} on {index.collection}" for index in INDEXES)] == made
    assert made == recorder.about


@over_both_drivers
async def test_every_statement_of_a_unit_of_work_is_told(database_url: str, driver: Driver, recorder: Recorder) -> None:
    """Between the beginning and the commit there is a step after each statement, and postings reach all of them."""
    database = connect(database_url, recorder, driver)
    await prepare(database)
    unit_of_work = MongoUnitOfWork(database)
    recorder.steps.clear()

    for events in ((signup(ALICE), signup(BOB), topup(TOPUP, ALICE, 10)), (transfer(TRANSFER, ALICE, BOB, 1),)):
        await post_all(requests(*events), unit_of_work, ManualClock(), Policy(USD))
    await post_all(requests(failed(TRANSFER)), unit_of_work, ManualClock(), Policy(USD))
    await database.close()

    assert 0 == recorder.untold
    assert set(STATEMENTS.values()) < set(recorder.steps)
    assert recorder.steps[0] is StoreStep.TRANSACTION_BEGUN
    assert recorder.steps[-2:] == [StoreStep.BEFORE_COMMIT, StoreStep.AFTER_COMMIT]


@over_both_drivers
async def test_every_step_of_the_relay_is_told(database_url: str, driver: Driver, recorder: Recorder) -> None:
    """From the lease to the end of a row each step is told with its transactions; a look that finds nothing is none."""
    database = connect(database_url, recorder, driver)
    await prepare(database)
    await post_all(
        requests(signup(ALICE), topup(TOPUP, ALICE, 10)), MongoUnitOfWork(database), ManualClock(), Policy(USD)
    )
    pending = MongoPendingAnswers(database)
    recorder.steps.clear()

    await pending.hold_lease("relay", 15_000)
    await pending.hold_lease("another", 15_000)
    (row,) = await pending.pending(10)
    await pending.answers(row.transaction_ids)
    await pending.settle(row, row.transaction_ids)
    await pending.settle(PendingRow(row.id, row.transaction_ids, row.created_at), [])
    await pending.pending(10)
    await pending.release_lease("relay")
    await database.close()

    told = [
        StoreStep.LEASE_TAKEN,
        StoreStep.OUTBOX_READ,
        StoreStep.ANSWERS_READ,
        StoreStep.ROW_SETTLED,
        StoreStep.LEASE_RELEASED,
    ]
    assert told == recorder.steps
    assert [[TOPUP]] * 3 == [recorder.ids[step] for step in told[1:4]]
