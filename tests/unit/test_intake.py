"""Intake: batches in, outcomes and settlements out; the isolation of a poisonous event; outages."""

from __future__ import annotations

import asyncio

import pytest

from tests.consumer import Consumer, topup_number
from tests.scenario import ALICE, failed, signup, topup, transaction_id
from wallet_core import (
    Ack,
    BatchHalted,
    ConcurrentUpdate,
    ConsumptionHalted,
    DeadLetter,
    DeadLetterReason,
    Delivery,
    Intake,
    LedgerCorrupted,
    OutcomeKind,
    SetAside,
    StoreRejected,
    StoreUnavailable,
    Subject,
)

STRANGER = "507f1f77bcf86cd7994390ff"


@pytest.fixture
def consumer() -> Consumer:
    """Events come through the intake."""
    return Consumer()


def test_batch_is_handled_in_order_in_one_unit_of_work(consumer: Consumer) -> None:
    """Each delivery of a batch gets its key, its outcome and its settlement, in order, from one unit of work."""
    runs = consumer.faults.runs

    handled = consumer.handle(
        topup_number(1), topup_number(2).but(amount=-1), topup_number(1), signup(STRANGER), failed(transaction_id(9))
    )

    assert ["applied", "refused", "repeated", "opened", "void"] == [result.outcome.kind for result in handled]
    assert [transaction_id(1), transaction_id(2), transaction_id(1), STRANGER, transaction_id(9)] == [
        result.key for result in handled
    ]
    assert {Ack()} == {result.settlement for result in handled}
    assert runs + 1 == consumer.faults.runs


def test_unreadable_delivery_costs_nobody_its_turn(consumer: Consumer) -> None:
    """What could not be read, or has no usable id, is set aside, and its neighbours are handled."""
    too_large = SetAside(DeadLetterReason.TOO_LARGE, "70,000 bytes")
    first, second = topup_number(1), topup_number(2)

    handled = consumer.deliver(
        Delivery(first.subject, first.message),
        Delivery(first.subject, too_large),
        Delivery(first.subject, {"transactionId": {"$gt": ""}}),
        Delivery(second.subject, second.message),
    )

    assert [Ack(), DeadLetter(DeadLetterReason.TOO_LARGE, "70,000 bytes"), Ack()] == [
        handled[position].settlement for position in (0, 1, 3)
    ]
    settlement = handled[2].settlement
    assert isinstance(settlement, DeadLetter)
    assert (DeadLetterReason.NO_USABLE_ID, None, None) == (settlement.reason, handled[1].key, handled[2].key)
    assert consumer.balance(ALICE) == 200


def test_batch_without_a_request_opens_no_unit_of_work(consumer: Consumer) -> None:
    """Nothing to post is no reason to ask the database."""
    runs = consumer.faults.runs

    assert () == consumer.deliver()
    assert 1 == len(consumer.handle(topup_number(1).but(transactionId="")))
    assert runs == consumer.faults.runs


def nested(depth: int) -> object:
    """Give an array in an array, and so on."""
    value: object = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("name", ["type", "amount", "userId", "version", "description", "unknown"])
def test_nesting_costs_nobody_its_turn(consumer: Consumer, name: str) -> None:
    """A field that nests deeper than the interpreter can follow stops neither the batch nor its neighbours."""
    deep = topup_number(1).but(**{name: nested(5_000)})

    consumer.handle(deep, topup_number(2))

    assert consumer.known(transaction_id(2)).answer is not None


def test_poisonous_event_is_isolated(consumer: Consumer) -> None:
    """An event that the store refuses each time is set aside with the error; its neighbours end as without it."""
    consumer.poison(2)

    handled = consumer.handle(topup_number(1), topup_number(2), topup_number(3))

    assert ["applied", "set_aside", "applied"] == [result.outcome.kind for result in handled]
    assert DeadLetter(DeadLetterReason.ISOLATED_ERROR, "StoreRejected: validator: 2") == handled[1].settlement
    assert handled[1].key == transaction_id(2)
    assert (None, 200) == (consumer.record(transaction_id(2)), consumer.balance(ALICE))


@pytest.mark.parametrize("error", [LedgerCorrupted("no wallet"), ValueError("a bug"), RecursionError()], ids=repr)
def test_any_error_of_its_own_isolates_an_event(consumer: Consumer, error: Exception) -> None:
    """Whatever an event raises each time, with the store in order, belongs to that event alone."""
    consumer.faults.poison = {transaction_id(2): error}

    handled = consumer.handle(topup_number(1), topup_number(2))

    assert ["applied", "set_aside"] == [result.outcome.kind for result in handled]
    assert DeadLetterReason.ISOLATED_ERROR is handled[1].outcome.dead_letter


def test_a_poisonous_event_hardly_delays_a_large_batch(consumer: Consumer) -> None:
    """It is found by halving: among 1,000 events by two units of work for each of ten halvings, and four for itself."""
    consumer.poison(700)

    handled = consumer.handle(*map(topup_number, range(1_000)))

    assert [700] == [number for number, result in enumerate(handled) if result.outcome.kind is OutcomeKind.SET_ASIDE]
    assert 100 * 999 == consumer.balance(ALICE)
    assert consumer.faults.runs <= 2 * 10 + 4


def test_signups_come_first_in_a_poisoned_batch_too(consumer: Consumer) -> None:
    """Taken apart, the events of a batch end as they would have together: signups first."""
    consumer.poison(9)

    handled = consumer.handle(topup(transaction_id(1), STRANGER, 1), topup_number(9), signup(STRANGER))

    assert ["applied", "set_aside", "opened"] == [result.outcome.kind for result in handled]


def test_error_that_goes_away_isolates_nobody(consumer: Consumer) -> None:
    """An error must be seen twice with the event alone: what goes away at the second try was not the event's own."""
    consumer.faults.errors = [StoreRejected("batch"), StoreRejected("once"), None]

    (handled,) = consumer.handle(topup_number(1))

    assert (OutcomeKind.APPLIED, Ack()) == (handled.outcome.kind, handled.settlement)


def test_error_of_an_event_is_seen_twice_alone(consumer: Consumer) -> None:
    """A poisonous event is tried in its batch and twice alone, and then never again."""
    consumer.poison(1)
    runs = consumer.faults.runs

    consumer.handle(topup_number(1))

    assert runs + 3 == consumer.faults.runs


def test_long_error_is_cut(consumer: Consumer) -> None:
    """An error travels in a header: what a person reads of it is bounded."""
    consumer.faults.poison = {transaction_id(1): StoreRejected("x" * 100_000)}

    (handled,) = consumer.handle(topup_number(1))

    assert len(handled.outcome.reason or "") <= 500


def test_five_isolations_in_a_row_are_taken(consumer: Consumer) -> None:
    """Five poisonous events in a row are set aside one by one."""
    consumer.poison(*range(5))

    handled = consumer.handle(*map(topup_number, range(5)))

    assert {DeadLetterReason.ISOLATED_ERROR} == {result.outcome.dead_letter for result in handled}


def test_sixth_isolation_in_a_row_halts(consumer: Consumer) -> None:
    """More than five isolations in a row stop the consumption: then the fault is rather ours."""
    consumer.poison(*range(6))

    with pytest.raises(BatchHalted):
        consumer.handle(*map(topup_number, range(6)))


def test_halted_batch_says_what_has_ended(consumer: Consumer) -> None:
    """What was decided before the sixth isolation can be settled, so the next start begins behind it."""
    unreadable = Delivery(Subject.COMPLETED, SetAside(DeadLetterReason.TOO_LARGE, "70,000 bytes"))
    consumer.poison(*range(8))
    events = [topup_number(100), *map(topup_number, range(8))]

    with pytest.raises(BatchHalted) as halted:
        consumer.deliver(*(Delivery(event.subject, event.message) for event in events), unreadable)

    ended = [None if result is None else result.outcome.kind.value for result in halted.value.handled]
    assert ["applied", *["set_aside"] * 5, None, None, None, "set_aside"] == ended


def test_six_poisonous_events_do_not_halt_for_ever(consumer: Consumer) -> None:
    """Each restart leaves five of them behind, and then the events after them have their turn."""
    consumer.poison(*range(8))
    for number in (*range(8), 100):
        consumer.bus.send(topup_number(number).subject, topup_number(number).message)
    with pytest.raises(BatchHalted):
        asyncio.run(consumer.bus.consume(consumer.intake))

    restarted = Intake(consumer.store, consumer.clock, consumer.policy, consumer.signups)
    asyncio.run(consumer.bus.consume(restarted))

    assert 8 == len(consumer.bus.dead_letters)
    assert consumer.known(transaction_id(100)).answer is not None
    assert consumer.bus.next_due_at() is None


def test_isolations_are_counted_across_batches(consumer: Consumer) -> None:
    """In a row means from batch to batch too."""
    consumer.poison(*range(6))
    for number in range(5):
        consumer.handle(topup_number(number))

    with pytest.raises(ConsumptionHalted):
        consumer.handle(topup_number(5))


@pytest.mark.parametrize("together", [True, False])
def test_good_event_ends_the_row(consumer: Consumer, together: bool) -> None:  # noqa: FBT001 - a column
    """A good event between them, in the same batch or in one of its own, starts the count again."""
    consumer.poison(*range(10))
    events = [*map(topup_number, range(5)), topup_number(100), *map(topup_number, range(5, 10))]
    batches = [events] if together else [[event] for event in events]

    handled = [result for batch in batches for result in consumer.handle(*batch)]

    assert 10 == [result.outcome.dead_letter for result in handled].count(DeadLetterReason.ISOLATED_ERROR)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ConcurrentUpdate("lost")], ids=repr)
@pytest.mark.parametrize("position", [0, 1, 2, 3])
def test_outage_settles_nothing(consumer: Consumer, error: Exception, position: int) -> None:
    """An outage or a lost race, in the batch or while looking for the poisonous event, settles nothing."""
    consumer.poison(1)
    consumer.faults.errors = [*[None] * position, error]

    with pytest.raises(type(error)):
        consumer.handle(topup_number(1), topup_number(2))


def test_outage_loses_and_doubles_nothing(consumer: Consumer) -> None:
    """A batch that is handed in again after an outage in its middle ends as if there had been none."""
    consumer.poison(3)
    consumer.faults.errors = [None, None, None, None, StoreUnavailable("away")]
    batch = [topup_number(1), topup_number(2), topup_number(3), topup_number(4)]
    with pytest.raises(StoreUnavailable):
        consumer.handle(*batch)

    handled = consumer.handle(*batch)

    assert ["repeated", "repeated", "set_aside", "applied"] == [result.outcome.kind for result in handled]
    assert consumer.balance(ALICE) == 300


def test_nobody_is_isolated_while_the_store_does_not_answer(consumer: Consumer) -> None:
    """An event is isolated only while an empty unit of work commits."""
    consumer.poison(1)
    consumer.faults.probe_error = StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        consumer.handle(topup_number(1))

    consumer.faults.probe_error = None
    consumer.faults.poison = {}
    assert OutcomeKind.APPLIED is consumer.handle(topup_number(1))[0].outcome.kind


@pytest.mark.parametrize("error", [TimeoutError("slow"), ConnectionResetError("cut")], ids=repr)
def test_time_out_or_network_error_never_isolates(consumer: Consumer, error: Exception) -> None:
    """A time-out or a cut connection is never an event's own, however often it is seen with it."""
    consumer.faults.poison = {transaction_id(1): error}

    with pytest.raises((StoreUnavailable, TimeoutError, ConnectionResetError)):
        consumer.handle(topup_number(1))
