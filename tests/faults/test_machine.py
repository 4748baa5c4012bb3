"""The books on a real MongoDB as a state machine whose commands fail at random, beside the books in memory (T100)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import TypeVar

import pytest
from bson.codec_options import CodecOptions
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from adapters.mongo.client import Database, connect
from adapters.mongo.documents import entry_from_document, record_from_document, wallet_from_document
from adapters.mongo.indexes import prepare
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.faults.scene import Servers
from tests.fixtures.driver import chosen_driver
from tests.integration.fail_points import TRANSIENT, failing
from tests.scenario import Scenario
from wallet_core import post_all
from wallet_core.errors import ConcurrentUpdate, StoreUnavailable
from wallet_core.testing.books import BooksCopy
from wallet_core.testing.facts import Fact
from wallet_core.testing.strategies import FUNDED, facts

T = TypeVar("T")

TRIES_MAX = 20
"""Hand-ins of one batch: more than the faults of one step can make fail."""

COMMANDS = ("find", "update", "insert", "commitTransaction")

Fault = tuple[str, int, bool]
"""A command, how often it fails, and whether its connection breaks; else it loses a race."""

some_faults = st.none() | st.tuples(st.sampled_from(COMMANDS), st.integers(1, 3), st.booleans())


def machine_on(servers: Servers) -> type[RuleBasedStateMachine]:
    """Give the machine over these servers; each run of it has a database of its own."""

    class BooksMachine(RuleBasedStateMachine):
        """Batches of facts, any of whose commands may fail, posted to MongoDB and to memory."""

        def __init__(self) -> None:
            super().__init__()
            self.model = Scenario()
            self.runner = asyncio.Runner()
            self.name = f"wallet_{uuid.uuid4().hex[:12]}"
            self.database = self.run(connected(servers.mongod.url(self.name)))
            self.unit_of_work = MongoUnitOfWork(self.database)

        @initialize()
        def open_wallets(self) -> None:
            """Give some users money."""
            self.post(list(FUNDED), None)

        @rule(batch=st.lists(facts(), min_size=1, max_size=4), fault=some_faults)
        def post(self, batch: list[Fact], fault: Fault | None) -> None:
            """Post a batch, again until it is in the books, as the consumer does."""
            requests = self.model.requests([fact.event() for fact in batch])
            self.model.post(*(fact.event() for fact in batch))
            with injected(servers, fault):
                for _ in range(TRIES_MAX):
                    try:
                        self.run(post_all(requests, self.unit_of_work, self.model.clock, self.model.policy))
                    except (StoreUnavailable, ConcurrentUpdate):
                        continue
                    return
            raise AssertionError(f"not in the books after {TRIES_MAX} tries")

        @rule(seconds=st.integers(0, 30))
        def let_time_pass(self, seconds: int) -> None:
            """Move the clock of both."""
            self.model.clock.advance(timedelta(seconds=seconds))

        @invariant()
        def both_say_the_same(self) -> None:
            """Wallets, entries with their hashes, and transactions are those of the model."""
            assert self.model.final_state() == final_state(servers, self.name)

        def run(self, work: Coroutine[object, object, T]) -> T:
            """Run on the machine's own loop."""
            return self.runner.run(work)

        def teardown(self) -> None:
            """Leave nothing behind."""
            self.run(self.database.close())
            self.runner.close()
            servers.mongo.drop_database(self.name)

    return BooksMachine


async def connected(url: str) -> Database:
    """Connect to a new database and prepare it."""
    database = connect(url, driver=chosen_driver())
    await prepare(database)
    return database


def injected(servers: Servers, fault: Fault | None) -> AbstractContextManager[None]:
    """Let a command fail; nothing without a fault."""
    if fault is None:
        return nullcontext()
    command, times, breaks = fault
    if breaks:
        return failing(servers.mongo, [command], times=times, closeConnection=True)
    return failing(servers.mongo, [command], times=times, errorCode=112, errorLabels=TRANSIENT)


def final_state(servers: Servers, name: str) -> BooksCopy:
    """Read all that the books hold, by the plain driver, in the order of the model."""
    books = servers.mongo.get_database(name, CodecOptions())  # instants without a zone, as the service reads them
    wallets = sorted(map(wallet_from_document, books["wallets"].find()), key=lambda wallet: wallet.id)
    entries = sorted(map(entry_from_document, books["entries"].find()), key=lambda entry: entry.sequence)
    records = sorted(map(record_from_document, books["transactions"].find()), key=lambda record: record.id)
    by_wallet = tuple(tuple(entry for entry in entries if entry.wallet_id == wallet.id) for wallet in wallets)
    return BooksCopy(tuple(wallets), by_wallet, tuple(records))


@pytest.mark.fault(
    "T100", "any command of any batch fails", "a state machine draws batches and failCommand; memory beside"
)
def test_books_on_mongodb_are_those_of_the_model_whatever_fails(servers: Servers) -> None:
    """After every step, whatever failed in it, MongoDB holds exactly what the books in memory hold."""
    bounds = settings(
        max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )

    run_state_machine_as_test(machine_on(servers), settings=bounds)
