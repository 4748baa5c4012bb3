"""The suite of the port LateSignups over every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count

import pytest

from tests.late_signups import Life, input_session
from tests.neighbour import Neighbour
from tests.scenario import ALICE, USD, signup, topup, transaction_id
from wallet_core import Delivery, Handled, Intake, Policy
from wallet_core.memory import ManualClock, MemoryBus, MemoryStore
from wallet_core.testing.conformance import LateSignupsSuite, SignupQueue

Meanwhile = Callable[[], Awaitable[None]]


class InterruptedIntake(Intake):
    """An intake that does something else in the middle of a batch."""

    meanwhile: Meanwhile

    async def handle(
        self, deliveries: Sequence[Delivery], on_storing: Callable[[], None] | None = None
    ) -> tuple[Handled, ...]:
        """Do it, then handle the batch."""
        await self.meanwhile()
        return await super().handle(deliveries, on_storing)


class TestMemory(LateSignupsSuite):
    """In memory."""

    @pytest.fixture
    def queue(self) -> SignupQueue:
        """Give the queue of a bus to which nobody has sent anything."""
        clock, numbers = ManualClock(), count()
        bus = MemoryBus(clock)
        intake = InterruptedIntake(MemoryStore(clock), clock, Policy(USD), bus)

        async def sign_up() -> None:
            event = signup(f"user_{next(numbers)}")
            bus.send(event.subject, event.message)

        async def complete() -> None:
            event = topup(transaction_id(1), ALICE, 1)
            bus.send(event.subject, event.message)

        async def take(meanwhile: Meanwhile) -> None:
            intake.meanwhile = meanwhile
            await bus.consume(intake, batch_max=1)

        return SignupQueue(bus, sign_up, complete, take)


class TestRabbitMQ(LateSignupsSuite):
    """Asked of a real broker."""

    @pytest.fixture
    async def queue(self, rabbitmq_url: str, neighbour: Neighbour) -> AsyncIterator[SignupQueue]:
        """Give the queue of an empty virtual host, as a consumer sees it."""
        async with input_session(rabbitmq_url, prefetch=1) as session:

            async def sign_up() -> None:
                await neighbour.send(signup(ALICE))

            async def complete() -> None:
                await neighbour.send(topup(transaction_id(1), ALICE, 1))

            async def take(meanwhile: Meanwhile) -> None:
                (arrival,) = await session.take(1)
                await meanwhile()
                await arrival.queue.ack([arrival.tag])

            yield SignupQueue(Life(session).watch, sign_up, complete, take)
