"""What every bus must do: publish each answer with its stable id, say truly what was taken, raise for no outage."""

# ruff: noqa: S101, PLR2004 - a suite speaks in asserts, and the numbers of an example are its meaning

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from wallet_core.events import FinalStatus, TransactionFinalized, Vocabulary
from wallet_core.messages import FINALIZED_KEY, finalized_message, message_id_of
from wallet_core.ports import EventBus
from wallet_core.testing.events import ALICE, transaction_id


@dataclass(frozen=True, slots=True)
class Received:
    """One message, as a subscriber gets it."""

    message_id: str
    routing_key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Bus:
    """
    A bus and its other side. ``received`` gives and removes what a subscriber has got so far, in order.

    ``go_away`` takes the broker away, ``come_back`` brings it back and waits until the bus has noticed.
    """

    event_bus: EventBus
    received: Callable[[], Awaitable[Sequence[Received]]]
    go_away: Callable[[], Awaitable[None]]
    come_back: Callable[[], Awaitable[None]]


def answer(number: int, vocabulary: Vocabulary = Vocabulary.DOCUMENTED) -> TransactionFinalized:
    """Give the first answer about one of many transactions."""
    return TransactionFinalized(
        transaction_id=transaction_id(number),
        revision=1,
        status=FinalStatus.COMPLETED,
        reason=None,
        user_id=ALICE,
        vocabulary=vocabulary,
        finalized_at=datetime(2025, 1, 15, 12, 0, tzinfo=UTC),
    )


def reversal_of(first: TransactionFinalized) -> TransactionFinalized:
    """Give the answer after a reversal, with a reason that is more than ASCII."""
    return first._replace(revision=2, status=FinalStatus.FAILED, reason="zurückgezogen: 5 € \U0001f4b6")


class EventBusSuite:
    """Provide the fixture ``bus``: a fresh ``Bus`` that nobody has published to."""

    async def test_each_answer_is_published_once_with_its_id(self, bus: Bus) -> None:
        """Every answer that counts as published is there once, under its stable id and our one routing key."""
        answers = [answer(1), answer(2, Vocabulary.V1), reversal_of(answer(3))]

        assert list(await bus.event_bus.publish_many(answers)) == [True, True, True]
        received = await bus.received()

        assert sorted(message.message_id for message in received) == sorted(map(message_id_of, answers))
        assert {message.routing_key for message in received} == {FINALIZED_KEY}
        by_id = {message.message_id: json.loads(message.body) for message in received}
        assert by_id == {message_id_of(each): finalized_message(each) for each in answers}

    async def test_equal_answers_are_equal_bytes(self, bus: Bus) -> None:
        """Published again, now or in another process, an answer has the same id and the same bytes."""
        await bus.event_bus.publish_many([reversal_of(answer(1))])
        await bus.event_bus.publish_many([reversal_of(answer(1))])

        first, second = await bus.received()

        assert first == second

    async def test_nothing_published_is_nothing(self, bus: Bus) -> None:
        """An empty call is answered with nothing."""
        assert list(await bus.event_bus.publish_many([])) == []
        assert list(await bus.received()) == []

    async def test_many_answers_at_once(self, bus: Bus) -> None:
        """Thousands of answers go out in one call, each known by its own result."""
        answers = [answer(number) for number in range(2_000)]

        assert all(await bus.event_bus.publish_many(answers))

        assert {message.message_id for message in await bus.received()} == set(map(message_id_of, answers))

    async def test_an_answer_published_by_two_at_once(self, bus: Bus) -> None:
        """Two callers with one answer are both told the truth, and no copy differs."""
        results = await asyncio.gather(*(bus.event_bus.publish_many([answer(1), answer(2)]) for _ in range(2)))

        assert [list(result) for result in results] == [[True, True], [True, True]]
        assert len(set(await bus.received())) == 2

    async def test_an_absent_broker_takes_nothing_and_raises_nothing(self, bus: Bus) -> None:
        """While the broker is away every answer is unpublished, at once; afterwards they go out."""
        await bus.go_away()
        async with asyncio.timeout(5):
            assert list(await bus.event_bus.publish_many([answer(1), answer(2)])) == [False, False]

        await bus.come_back()

        assert list(await bus.event_bus.publish_many([answer(1), answer(2)])) == [True, True]
        assert len(await bus.received()) == 2
