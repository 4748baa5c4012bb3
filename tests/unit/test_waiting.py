"""Waiting: for a late signup, and for the money of a due reversal."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.consumer import Consumer, topup_number
from tests.scenario import ALICE, BOB, failed, signup, topup, transaction_id, transfer
from wallet_core import (
    Ack,
    DeadLetter,
    DeadLetterReason,
    Delivery,
    Intake,
    OutcomeKind,
    RetryAfter,
)

STRANGER = "507f1f77bcf86cd7994390ff"


@pytest.fixture
def consumer() -> Consumer:
    """Events come through the intake."""
    return Consumer()


@pytest.mark.parametrize(("attempts", "delay_ms"), [(0, 1_000), (1, 5_000), (2, 15_000), (3, 30_000)])
def test_late_signup_is_waited_for(consumer: Consumer, attempts: int, delay_ms: int) -> None:
    """An unknown wallet waits through the delays without asking whether signups may come."""
    (handled,) = consumer.handle(topup(transaction_id(1), STRANGER, 1), attempts=attempts)

    assert (OutcomeKind.UNKNOWN_WALLET, RetryAfter(delay_ms)) == (handled.outcome.kind, handled.settlement)
    assert consumer.signups.asked == 0


def test_wait_ends_with_a_refusal(consumer: Consumer) -> None:
    """After all delays an unknown wallet is refused, if no signup may come."""
    (handled,) = consumer.handle(topup(transaction_id(1), STRANGER, 1), attempts=4)

    assert (OutcomeKind.REFUSED, "Wallet not found", Ack()) == (
        handled.outcome.kind,
        handled.outcome.reason,
        handled.settlement,
    )


def test_wait_does_not_end_while_signups_may_come(consumer: Consumer) -> None:
    """While signups wait in their queue, or our life is young, the last delay is taken again and again."""
    consumer.signups.more = True

    for attempts in (4, 5, 50):
        (handled,) = consumer.handle(topup(transaction_id(1), STRANGER, 1), attempts=attempts)
        assert RetryAfter(30_000) == handled.settlement
    assert consumer.record(transaction_id(1)) is None


def test_wait_ends_for_each_event_alone(consumer: Consumer) -> None:
    """In one batch only the events that have waited are refused."""
    old, new = topup(transaction_id(1), STRANGER, 1), topup(transaction_id(2), STRANGER, 1)

    handled = consumer.deliver(Delivery(old.subject, old.message, 4), Delivery(new.subject, new.message, 0))

    assert ["refused", "unknown_wallet"] == [result.outcome.kind for result in handled]


def test_signup_in_the_last_batch_is_in_time(consumer: Consumer) -> None:
    """A signup that comes with the event that has waited long enough is in time."""
    waited = topup(transaction_id(1), STRANGER, 1)
    late = signup(STRANGER)

    handled = consumer.deliver(Delivery(waited.subject, waited.message, 4), Delivery(late.subject, late.message))

    assert ["applied", "opened"] == [result.outcome.kind for result in handled]


def test_end_of_the_wait_holds_in_a_poisoned_batch(consumer: Consumer) -> None:
    """One by one, too, an event that has waited long enough is refused."""
    consumer.poison(9)

    handled = consumer.handle(topup(transaction_id(1), STRANGER, 1), topup_number(9), attempts=4)

    assert ["refused", "set_aside"] == [result.outcome.kind for result in handled]


def test_delays_are_settable(consumer: Consumer) -> None:
    """The number of delays decides when the wait is over."""
    intake = Intake(consumer.store, consumer.clock, consumer.policy, consumer.signups, (10, 20))
    event = topup(transaction_id(1), STRANGER, 1)

    settlements = [
        asyncio.run(intake.handle([Delivery(event.subject, event.message, attempts)]))[0].settlement
        for attempts in (0, 1, 2)
    ]

    assert [RetryAfter(10), RetryAfter(20), Ack()] == settlements


def test_due_reversal_ends_in_one_dead_letter(consumer: Consumer) -> None:
    """A reversal that stays due is tried after each delay and then set aside, with the reason for a person."""
    consumer.handle(topup_number(1), transfer(transaction_id(2), ALICE, BOB, 1))

    settlements = [consumer.handle(failed(transaction_id(1)), attempts=attempts)[0].settlement for attempts in range(5)]

    assert [RetryAfter(1_000), RetryAfter(5_000), RetryAfter(15_000), RetryAfter(30_000)] == settlements[:4]
    last = settlements[4]
    assert isinstance(last, DeadLetter)
    assert (DeadLetterReason.REVERSAL_SHORTFALL, True) == (last.reason, bool(last.detail))


def test_replayed_dead_letter_of_a_due_reversal_tries_again(consumer: Consumer) -> None:
    """The state, not the message, is the truth: a replay after the money is back reverses."""
    consumer.handle(topup_number(1), transfer(transaction_id(2), ALICE, BOB, 1))
    consumer.handle(failed(transaction_id(1)), attempts=4)
    consumer.handle(topup_number(3))

    (handled,) = consumer.handle(failed(transaction_id(1)))

    assert (OutcomeKind.REVERSED, Ack()) == (handled.outcome.kind, handled.settlement)


def test_wait_takes_fifty_one_seconds_on_a_broker(consumer: Consumer) -> None:
    """On a broker the delays of an event that nobody claims add up to 51 s; then it is refused."""
    event = topup(transaction_id(1), STRANGER, 1)
    started_at = consumer.clock.now()
    consumer.bus.send(event.subject, event.message)
    while (due_at := consumer.bus.next_due_at()) is not None:
        consumer.clock.advance(due_at - consumer.clock.now())
        asyncio.run(consumer.bus.consume(consumer.intake))

    assert timedelta(seconds=51) == consumer.clock.now() - started_at
    assert "Wallet not found" == consumer.answer(transaction_id(1)).reason
