"""A reversal that stays due is one dead letter, however many copies of its ``failed`` there are."""

from __future__ import annotations

import asyncio

import pytest

from tests.consumer import Consumer, topup_number
from tests.scenario import ALICE, BOB, failed, transaction_id, transfer
from wallet_core import Ack, DeadLetter, DeadLetterReason, Delivery, Handled, OutcomeKind, RetryAfter, TransactionState

T = transaction_id(1)
ALL_DELAYS = 4


@pytest.fixture
def consumer() -> Consumer:
    """What a reversal must take back has been spent."""
    consumer = Consumer()
    consumer.handle(topup_number(1), transfer(transaction_id(2), ALICE, BOB, 1))
    return consumer


def copy(letter_id: str | None, attempts: int = ALL_DELAYS) -> Delivery:
    """Give one copy of the ``failed``; it has waited through all delays, unless told otherwise."""
    event = failed(T)
    return Delivery(event.subject, event.message, attempts, letter_id)


def ends(*handled: Handled) -> list[str]:
    """Say what becomes of each."""
    return [type(result.settlement).__name__ for result in handled]


def consume_all(consumer: Consumer) -> None:
    """Let everything at the broker be handled, retry delays included."""
    while (due_at := consumer.bus.next_due_at()) is not None:
        consumer.clock.advance(due_at - consumer.clock.now())
        asyncio.run(consumer.bus.consume(consumer.intake))


def test_many_copies_are_one_dead_letter(consumer: Consumer) -> None:
    """Five copies of one ``failed`` wait, each on its own; one becomes the dead letter, and the record names it."""
    for _ in range(5):
        consumer.bus.send(failed(T).subject, failed(T).message)

    consume_all(consumer)

    (letter,) = consumer.bus.dead_letters
    assert DeadLetterReason.REVERSAL_SHORTFALL is letter.reason
    assert letter.delivery.dead_letter_id == consumer.known(T).dead_letter_id
    assert TransactionState.REVERSAL_DUE is consumer.known(T).state


def test_copies_of_one_batch_are_one_dead_letter(consumer: Consumer) -> None:
    """Of the copies that come together the first becomes the dead letter, the others may go."""
    handled = consumer.deliver(copy("a"), copy("b"), copy("c"))

    assert ["DeadLetter", "Ack", "Ack"] == ends(*handled)
    assert OutcomeKind.NOTHING is handled[1].outcome.kind
    assert "dead letter a" in (handled[1].outcome.reason or "")


def test_copy_that_comes_again_is_still_the_dead_letter(consumer: Consumer) -> None:
    """After a crash between the commit and the dead letter that very copy comes again, and is set aside."""
    consumer.deliver(copy("a"))

    assert ["DeadLetter", "Ack"] == ends(*consumer.deliver(copy("a"), copy("b")))


def test_copy_that_nobody_has_marked_is_set_aside(consumer: Consumer) -> None:
    """A copy that cannot be told from others is never dropped."""
    consumer.deliver(copy("a"))

    assert ["DeadLetter"] == ends(*consumer.deliver(copy(None)))
    assert "a" == consumer.known(T).dead_letter_id


def test_every_copy_tries(consumer: Consumer) -> None:
    """A copy that could go reverses if the money is back; then no dead letter is named any more."""
    consumer.deliver(copy("a"))
    consumer.handle(topup_number(3))

    (handled,) = consumer.deliver(copy("b"))

    assert (OutcomeKind.REVERSED, Ack()) == (handled.outcome.kind, handled.settlement)
    assert consumer.known(T).dead_letter_id is None


def test_copy_that_has_not_waited_waits(consumer: Consumer) -> None:
    """Whether there is a dead letter or not, a ``failed`` that comes anew is tried with all delays."""
    consumer.deliver(copy("a"))

    handled = consumer.deliver(copy(None, attempts=0), copy("b", attempts=1), copy("b", attempts=3))

    assert [RetryAfter(1_000), RetryAfter(5_000), RetryAfter(30_000)] == [result.settlement for result in handled]


def test_dead_letter_that_is_replayed_is_the_same_one(consumer: Consumer) -> None:
    """A replay in vain ends in the dead letter that it was, and in no other."""
    consumer.deliver(copy("a"))

    replayed = [consumer.deliver(copy("a", attempts))[0].settlement for attempts in range(ALL_DELAYS + 1)]

    assert isinstance(replayed[-1], DeadLetter)
    assert "a" == consumer.known(T).dead_letter_id
