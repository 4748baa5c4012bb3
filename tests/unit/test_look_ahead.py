"""Look-ahead: the next batch is decided while the one in hand is stored, and counts only if nothing has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.consumer import Consumer
from tests.faulty_store import FaultyStore
from tests.scenario import ALICE, BOB, CAROL, Event, failed, signup, topup, transaction_id, transfer
from wallet_core import (
    AMOUNT_MINOR_MAX,
    Ack,
    DeadLetter,
    Delivery,
    Handled,
    Intake,
    OutcomeKind,
    State,
    StoreRejected,
    StoreUnavailable,
    SuspendedWallet,
    Wallet,
    post_all,
)
from wallet_core.look_ahead import AGE_MAX, BATCHES_AFTER_RACE
from wallet_core.ports import Books, Clock, Journal, Outbox, WalletRepository
from wallet_core.settlement import RETRY_DELAYS_MS

T = TypeVar("T")

FIRST = (topup(transaction_id(1), ALICE, 100), signup(CAROL))
SECOND = (transfer(transaction_id(2), ALICE, BOB, 60), transfer(transaction_id(3), ALICE, CAROL, 50))
"""The second batch needs what the first one leaves: Alice's money for 2, and her balance after it, too small for 3."""

TURNS = 20
"""More turns of the loop than looking ahead takes."""


class WatchedStore(FaultyStore):
    """
    A store that counts what is read, by postings and by those who look ahead; the latter are done before a commit.

    ``look_error`` is raised by every look, ``end_errors`` by a posting each, at its end; ``rivals`` do something at the
    end of one each, before it is committed.
    """

    def __init__(self, clock: Clock) -> None:
        """Start without faults."""
        super().__init__(clock)
        self.reads = self.looks = 0
        self.look_error: Exception | None = None
        self.end_errors: list[Exception] = []
        self.rivals: list[Callable[[], Awaitable[object]]] = []

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        """Run as the store with faults does."""

        async def watched(books: Books) -> T:
            wallets = _CountedWallets(books.wallets)
            result = await work(_WatchedBooks(wallets, books.journal, books.outbox))
            if isinstance(result, State):
                self.looks += 1
                if self.look_error is not None:
                    raise self.look_error
                return result
            self.reads += wallets.reads
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if self.rivals:
                await self.rivals.pop()()
            if self.end_errors:
                raise self.end_errors.pop()
            return result

        return await super().run(watched)


@dataclass(frozen=True, slots=True)
class _WatchedBooks:
    wallets: WalletRepository
    journal: Journal
    outbox: Outbox


class _CountedWallets:
    def __init__(self, wallets: WalletRepository) -> None:
        self.reads = 0
        self._wallets = wallets
        self.open_many = wallets.open_many
        self.change_many = wallets.change_many

    async def get_many(self, user_ids: Collection[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        self.reads += 1
        return await self._wallets.get_many(user_ids)


class Line(Consumer):
    """A consumer that lets the batch after the one in hand be decided ahead, as the adapter does."""

    def __init__(self) -> None:
        """Start with Alice's wallet, and Bob's."""
        super().__init__()
        self.watched = self.faults = self.store = WatchedStore(self.clock)
        self.intake = Intake(self.store, self.clock, self.policy, self.signups)
        self._upcoming: Sequence[Delivery] = ()
        self.open(ALICE, BOB)

    def handle_ahead(
        self, events: Sequence[Event], upcoming: Sequence[Event], attempts: int = 0
    ) -> tuple[Handled, ...]:
        """Hand over one batch; the next one is decided meanwhile."""
        batch = self._batch_of(events)
        self._upcoming = _deliveries(upcoming, attempts)
        return asyncio.run(self.handle_in_turn(batch, self._upcoming))

    def handle(self, *events: Event, attempts: int = 0) -> tuple[Handled, ...]:
        """Hand over one batch."""
        return asyncio.run(self.intake.handle(self._batch_of(events, attempts)))

    def _batch_of(self, events: Sequence[Event], attempts: int = 0) -> Sequence[Delivery]:
        """Give the deliveries that were looked at, where these are they, and else new ones."""
        batch = _deliveries(events, attempts)
        return self._upcoming if batch == self._upcoming else batch

    def rival(self) -> Intake:
        """Give the intake of another process on the same books."""
        return Intake(self.store, self.clock, self.policy, self.signups)

    async def handle_in_turn(self, batch: Sequence[Delivery], upcoming: Sequence[Delivery]) -> tuple[Handled, ...]:
        """Hand over one batch; the next one is decided meanwhile."""
        looking: list[asyncio.Task[None]] = []

        def look_ahead() -> None:
            if looking:
                return
            looking.append(asyncio.ensure_future(self.intake.look_ahead(upcoming, lambda: asyncio.sleep(0))))

        try:
            return await self.intake.handle(batch, look_ahead)
        finally:
            await asyncio.gather(*looking)


def _deliveries(events: Sequence[Event], attempts: int = 0) -> list[Delivery]:
    return [Delivery(event.subject, event.message, attempts) for event in events]


def _kinds(handled: Sequence[Handled]) -> list[OutcomeKind]:
    return [one.outcome.kind for one in handled]


@pytest.fixture
def line() -> Line:
    """Batches come one behind the other."""
    return Line()


def test_next_batch_is_decided_on_what_this_one_leaves(line: Line) -> None:
    """The batch that was decided ahead is stored without reading again, and has seen what the one before it leaves."""
    line.handle_ahead(FIRST, SECOND)
    reads = line.watched.reads

    handled = line.handle(*SECOND)

    assert _kinds(handled) == [OutcomeKind.APPLIED, OutcomeKind.REFUSED]
    assert (line.balance(ALICE), line.balance(BOB), line.balance(CAROL)) == (4_000, 6_000, 0)
    assert line.watched.reads == reads
    assert line.store.audit()[0] == []


def test_batches_one_behind_the_other_are_all_decided_ahead(line: Line) -> None:
    """A plan that was made ahead is what the next one is made on."""
    batches = [[topup(transaction_id(number), ALICE, 1)] for number in range(10, 15)]
    line.handle_ahead(FIRST, batches[0])
    reads = line.watched.reads

    for batch, upcoming in zip(batches, [*batches[1:], []], strict=True):
        line.handle_ahead(batch, upcoming)

    assert line.balance(ALICE) == 10_500
    assert line.watched.reads == reads


def test_another_batch_than_expected_is_decided_when_it_comes(line: Line) -> None:
    """What was decided about deliveries that do not come is forgotten."""
    line.handle_ahead(FIRST, SECOND)

    (handled,) = line.handle(SECOND[1])
    again = line.handle(*SECOND)

    assert handled.outcome.kind is OutcomeKind.APPLIED
    assert _kinds(again) == [OutcomeKind.REFUSED, OutcomeKind.REPEATED]


def test_nothing_that_was_decided_ahead_outlives_a_batch_that_is_not_committed(line: Line) -> None:
    """The batch in hand fails, perhaps after its commit: the next one is decided on what the books say by then."""
    line.handle_ahead((topup(transaction_id(9), BOB, 1),), FIRST)
    line.watched.end_errors = [StoreUnavailable("away")]
    upcoming = [transfer(transaction_id(3), ALICE, CAROL, 150)]

    with pytest.raises(StoreUnavailable):
        line.handle_ahead(FIRST, upcoming)

    assert _kinds(line.handle(*upcoming)) == [OutcomeKind.UNKNOWN_WALLET]


def test_who_is_overtaken_decides_again_and_looks_ahead_no_more_for_a_while(line: Line) -> None:
    """Another process takes Alice's money in between: the guard refuses the plan, and no time is wasted on more."""
    line.handle_ahead(FIRST, SECOND)
    line.post(transfer(transaction_id(7), ALICE, BOB, 70))

    handled = line.handle_ahead(SECOND, ())
    looks = line.watched.looks
    for number in range(BATCHES_AFTER_RACE):
        line.handle_ahead((topup(transaction_id(100 + number), ALICE, 1),), SECOND)
    looks_meanwhile = line.watched.looks - looks
    line.handle_ahead((topup(transaction_id(99), ALICE, 1),), SECOND)

    assert _kinds(handled) == [OutcomeKind.REFUSED, OutcomeKind.REFUSED]
    assert (line.balance(ALICE), line.balance(BOB)) == (3_000 + 100 * BATCHES_AFTER_RACE + 100, 7_000)
    assert (looks_meanwhile, line.watched.looks) == (0, looks + 1)


def test_a_transaction_that_was_recorded_meanwhile_is_not_recorded_twice(line: Line) -> None:
    """Another process gets a duplicate first: the unique id refuses the plan, and the event is a known one."""
    line.handle_ahead(FIRST, SECOND)
    line.post(SECOND[1])

    handled = line.handle(*SECOND)

    assert _kinds(handled) == [OutcomeKind.REFUSED, OutcomeKind.REPEATED]
    assert (line.balance(BOB), line.balance(CAROL)) == (0, 5_000)


def test_batch_that_ran_again_leaves_no_plan_behind(line: Line) -> None:
    """The batch in hand loses a race and is decided anew: a refusal decided on its first plan does not count."""
    upcoming = [transfer(transaction_id(3), ALICE, BOB, 110)]
    topping_up = line.requests([topup(transaction_id(6), ALICE, 20)])

    line.watched.rivals = [lambda: post_all(topping_up, line.store, line.clock, line.policy)]
    line.handle_ahead(FIRST, upcoming)
    handled = line.handle(*upcoming)

    assert _kinds(handled) == [OutcomeKind.APPLIED]
    assert line.balance(ALICE) == 1_000


def test_what_was_decided_long_ago_is_decided_anew(line: Line) -> None:
    """The times of a decision are not further from its commit than AGE_MAX."""
    line.handle_ahead(FIRST, SECOND)
    line.clock.advance(AGE_MAX + timedelta(milliseconds=1))

    line.handle(*SECOND)

    assert line.known(transaction_id(2)).recorded_at == line.clock.now()


def test_error_while_looking_ahead_costs_nobody_anything(line: Line) -> None:
    """The database is away for the look: the batch in hand is handled, and the next one when it comes."""
    line.watched.look_error = StoreUnavailable("away")

    handled = line.handle_ahead(FIRST, SECOND)

    assert _kinds(handled) == [OutcomeKind.APPLIED, OutcomeKind.OPENED]
    assert _kinds(line.handle(*SECOND)) == [OutcomeKind.APPLIED, OutcomeKind.REFUSED]


def test_equal_delivery_is_not_the_one_that_was_decided_about(line: Line) -> None:
    """In Python the amount ``true`` equals 1; as the amount of another message with the same id it is refused."""
    good = topup(transaction_id(5), ALICE, Decimal(1))
    bad = [Delivery(good.subject, {**good.message, "amount": True})]
    line.handle_ahead(FIRST, [good])

    (handled,) = line.deliver(*bad)

    assert bad == [Delivery(good.subject, good.message)]
    assert handled.outcome.kind is OutcomeKind.REFUSED


def test_a_dead_letter_that_was_named_meanwhile_stays_the_one(line: Line) -> None:
    """A young copy of a failed, decided ahead, does not undo what another process has recorded of a waited one."""
    due, waited = failed(transaction_id(1)), len(RETRY_DELAYS_MS)
    line.handle(*FIRST)
    line.handle(transfer(transaction_id(2), ALICE, BOB, 100), due)
    young = [Delivery(due.subject, due.message, 1, "young")]
    asyncio.run(line.handle_in_turn(_deliveries([topup(transaction_id(8), BOB, 1)]), young))
    letter = Delivery(due.subject, due.message, waited, "first")
    (first,) = asyncio.run(line.rival().handle([letter]))

    asyncio.run(line.intake.handle(young))
    (second,) = line.deliver(replace(letter, dead_letter_id="second"))

    assert isinstance(first.settlement, DeadLetter)
    assert second.settlement == Ack()


def test_poisonous_event_that_was_decided_ahead_is_isolated(line: Line) -> None:
    """A plan that the store refuses is no excuse: the batch is taken apart as any other."""
    line.handle_ahead(FIRST, SECOND)
    line.faults.poison = {transaction_id(2): StoreRejected("validator")}

    handled = line.handle(*SECOND)

    assert _kinds(handled) == [OutcomeKind.SET_ASIDE, OutcomeKind.APPLIED]


def test_unreadable_delivery_is_set_aside_ahead_too(line: Line) -> None:
    """What has no usable id is in its place among the outcomes of a batch that was decided ahead."""
    batch = (SECOND[0].but(transactionId=""), *SECOND)
    line.handle_ahead(FIRST, batch)

    assert _kinds(line.handle(*batch)) == [OutcomeKind.SET_ASIDE, OutcomeKind.APPLIED, OutcomeKind.REFUSED]


def test_end_of_a_wait_is_decided_when_it_is_due(line: Line) -> None:
    """Whether a late signup may still come is asked at the turn of the delivery that has waited, not before."""
    waited = [topup(transaction_id(4), CAROL, 1)]

    line.handle_ahead((topup(transaction_id(1), ALICE, 1),), waited, attempts=len(RETRY_DELAYS_MS))

    assert (line.signups.asked, line.watched.looks) == (0, 0)


events = st.one_of(
    st.builds(topup, st.integers(1, 9).map(transaction_id), st.sampled_from([ALICE, BOB, CAROL]), st.integers(1, 90)),
    st.builds(
        transfer,
        st.integers(1, 9).map(transaction_id),
        st.sampled_from([ALICE, BOB, CAROL]),
        st.sampled_from([ALICE, BOB, CAROL]),
        st.integers(1, 90),
    ),
    st.builds(failed, st.integers(1, 9).map(transaction_id)),
    st.just(signup(CAROL)),
    st.just(topup(transaction_id(9), BOB, AMOUNT_MINOR_MAX // 100)),
)


@given(st.lists(st.lists(events, min_size=1, max_size=4), min_size=1, max_size=6))
def test_looking_ahead_changes_nothing_but_the_time(batches: list[list[Event]]) -> None:
    """Whatever the batches are: outcomes, settlements and books are those of batches that are decided one by one."""
    ahead, plain = Line(), Line()

    together = list(map(ahead.handle_ahead, batches, [*batches[1:], []]))
    one_by_one = [plain.handle(*batch) for batch in batches]

    assert together == one_by_one
    assert ahead.final_state() == plain.final_state()
