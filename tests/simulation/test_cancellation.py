"""T27: the use case and the relay cancelled at every await: all has happened or nothing, and nobody is in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from itertools import count
from random import Random
from typing import TypeVar

import pytest

from tests.consumer import Signups
from tests.scenario import ALICE, BOB, CAROL, USD, Event, failed, signup, topup, transaction_id, transfer
from tests.simulation.choices import Choices
from tests.simulation.database import Isolation, SimulatedDatabase
from tests.simulation.faults import FaultPlan
from tests.simulation.gate import Gate, Server
from tests.simulation.scheduler import Owner, Scheduler
from tests.simulation.skewed_clock import SkewedClock
from tests.simulation.stage import Stage
from tests.simulation.store_port import StorePort
from tests.simulation.trace import Trace
from tests.simulation.watch import Watch
from tests.simulation.workload import POISON_FIRST
from wallet_core import Delivery, Intake, Policy, Relay, StoreUnavailable, TransactionFinalized
from wallet_core.testing.books import check_books, check_legs, copy_of

T = TypeVar("T")

BEFORE = (
    signup(ALICE),
    signup(BOB),
    topup(transaction_id(1), ALICE, 100),
    transfer(transaction_id(2), ALICE, BOB, 20),
)
"""What has happened before the batch that is cancelled."""

BATCH = (
    signup(CAROL),
    transfer(transaction_id(3), ALICE, BOB, 60),
    failed(transaction_id(2)),
    topup(transaction_id(4), CAROL, 5),
    topup(transaction_id(1), ALICE, 100),
    failed(transaction_id(5)),
)
"""Something of everything."""

AWAITS = 10
"""Of this batch: before two reads, six writes and the commit, and behind the commit."""

POISON = topup(transaction_id(POISON_FIRST), ALICE, 1)

STEPS_MAX = 1_000
"""More awaits than any of these has."""


class Desk:
    """The intake and the relay of one process over books in memory, where every statement is an await."""

    def __init__(self, isolation: Isolation) -> None:
        """Start with Alice's and Bob's wallets, and some money in them."""
        choices = Choices(Random(0), {})  # noqa: S311 - nothing is drawn from it
        self.watch = Watch(Policy(USD), has_model=False)
        self._scheduler = scheduler = Scheduler(choices, lambda text: self.watch.blame("no unexpected error", text))
        stage = Stage(choices, scheduler, FaultPlan(choices, {}, 0), self.watch, Trace())
        clock, server, owner = SkewedClock(scheduler), Server("database"), Owner("wallet-1")
        self.store = SimulatedDatabase(clock, server, self.watch, isolation)
        port = StorePort(self.store, Gate(owner, server, stage, StoreUnavailable), owner)
        self.published: list[tuple[str, int]] = []
        self._intake = Intake(port, clock, Policy(USD), Signups())
        self._relay = Relay(port, self, "relay", clock.monotonic_s)
        finish(self.handle(*BEFORE))

    async def handle(self, *events: Event) -> None:
        """Hand in one batch."""
        await self._intake.handle([Delivery(event.subject, event.message) for event in events])

    async def publish(self) -> None:
        """Do one round of the relay."""
        await self._relay.publish_pending()

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """Be the bus: take a while, and everything."""
        await self._scheduler.pause(1)
        self.published += [(answer.transaction_id, answer.revision) for answer in answers]
        return [True] * len(answers)

    def state(self) -> object:
        """Give everything that the books hold, the outbox too."""
        wallets = sorted(self.store.wallets(), key=lambda wallet: wallet.id)
        entries = [self.store.entries_of(wallet.id) for wallet in wallets]
        rows = finish(self.store.pending(100))
        return wallets, entries, sorted(self.store.transactions(), key=lambda record: record.id), rows


def finish(flow: Coroutine[object, None, T]) -> T:
    """Run to the end, whatever it waits for."""
    for _ in range(STEPS_MAX):
        try:
            flow.send(None)
        except StopIteration as ended:
            result: T = ended.value
            return result
    raise AssertionError(f"more than {STEPS_MAX} awaits")


def is_cancelled_at(flow: Coroutine[object, None, T], index: int) -> bool:
    """Run to an await and cancel there; False when it has ended before."""
    try:
        for _ in range(index):
            flow.send(None)
    except StopIteration:
        return False
    with pytest.raises(asyncio.CancelledError):
        flow.throw(asyncio.CancelledError())
    return True


by_isolation = pytest.mark.parametrize("isolation", list(Isolation))


@by_isolation
def test_a_batch_cancelled_at_any_await_has_happened_or_not(isolation: Isolation) -> None:
    """T27: wherever it is cancelled, the books are those before it or those after it, and nothing in between."""
    nothing, whole = Desk(isolation), Desk(isolation)
    finish(whole.handle(*BATCH))
    seen = []

    for index in count(1):
        desk = Desk(isolation)
        if not is_cancelled_at(desk.handle(*BATCH), index):
            break
        assert desk.state() in (nothing.state(), whole.state())
        seen.append(desk.state() == whole.state())

    assert [False] * (AWAITS - 1) + [True] == seen


@by_isolation
@pytest.mark.parametrize("batch", [BATCH, (*BATCH, POISON)], ids=["sound", "poisoned"])
def test_a_cancelled_batch_is_in_nobodys_way(isolation: Isolation, batch: tuple[Event, ...]) -> None:
    """T27: handed in again after a cancellation anywhere, also one by one, it ends as if there had been none."""
    whole = Desk(isolation)
    finish(whole.handle(*batch))
    expected = [wallet.balance_minor for wallet in whole.store.wallets()]

    for index in count(1):
        desk = Desk(isolation)
        if not is_cancelled_at(desk.handle(*batch), index):
            break
        finish(desk.handle(*batch))
        check_books(copy_of(desk.store), may_overdraw=False)
        check_legs(copy_of(desk.store))
        assert expected == [wallet.balance_minor for wallet in desk.store.wallets()]
        assert sorted(whole.store.transactions(), key=str) == sorted(desk.store.transactions(), key=str)
        assert [] == desk.watch.violations
    assert index > AWAITS


def test_a_relay_cancelled_at_any_await_loses_no_answer() -> None:
    """T27: whatever a cancelled round has published or not, the next one publishes the rest; nothing stays behind."""
    whole = Desk(Isolation.SNAPSHOT)
    finish(whole.handle(*BATCH))
    finish(whole.publish())

    for index in count(1):
        desk = Desk(Isolation.SNAPSHOT)
        finish(desk.handle(*BATCH))
        if not is_cancelled_at(desk.publish(), index):
            break
        finish(desk.publish())
        assert set(whole.published) == set(desk.published)
        assert [] == finish(desk.store.pending(100))
    assert index > 8
