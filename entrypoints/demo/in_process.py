"""What the demo wires in place of servers that this machine does not have: books and bus in memory."""

from __future__ import annotations

import asyncio
import time

from dependency_injector import providers

from adapters.rabbitmq.connection import ConnectionStatus
from adapters.rabbitmq.consumer_status import ConsumerStatus
from adapters.rabbitmq.observer import Observer
from entrypoints.container import Container
from wallet_core.intake import Intake
from wallet_core.memory import MemoryBus, MemoryStore
from wallet_core.ports import Clock

LOOK_S = 0.02
"""How often the bus is asked for something to consume, and by the neighbours for an answer."""


class MemoryDatabase:
    """Stands where the connection to MongoDB stands; there is nothing to connect to."""

    async def ping(self) -> None:
        """Be there."""

    async def close(self) -> None:
        """Forget nothing: the books end with the process."""


class InProcessConsumer:
    """Consumes from the bus in memory, with the consumer's life: ``run``, ``stop``, ``status``."""

    def __init__(self, bus: MemoryBus, intake: Intake, clock: Clock, observer: Observer) -> None:
        """Take the bus and what handles its deliveries."""
        self.status = ConsumerStatus(connected=True, consuming=True, halted=False, reason=None)
        self._bus = bus
        self._intake = intake
        self._clock = clock
        self._observer = observer
        self._stopping = False

    async def run(self) -> None:
        """Consume until ``stop``."""
        while not self._stopping:
            due_at = self._bus.next_due_at()
            if due_at is None or due_at > self._clock.now():
                await asyncio.sleep(LOOK_S)
                continue
            await self._consume()

    async def stop(self, grace_s: float) -> None:  # noqa: ARG002 - in memory nothing is slow
        """Take nothing new; a batch in hand is finished by ``run`` itself."""
        self._stopping = True

    async def _consume(self) -> None:
        began_at_s = time.monotonic()
        handled = await self._bus.consume(
            self._intake, on_handled=lambda delivery, result: self._observer.event_handled(delivery.subject, result)
        )
        self._observer.batch_handled(len(handled), time.monotonic() - began_at_s)


class InProcessPublishing:
    """Stands where the publishing connection stands."""

    status = ConnectionStatus(connected=True)

    async def run(self) -> None:
        """Stay until cancelled."""
        await asyncio.Event().wait()


class InProcessAnswers:
    """Publishes answers to the bus in memory, with the publisher's ``close``."""

    def __init__(self, bus: MemoryBus) -> None:
        """Take the bus."""
        self.publish_many = bus.publish_many

    async def close(self) -> None:
        """There is nothing to close."""


def use_memory_for_books(container: Container) -> MemoryStore:
    """Keep the books of ``container`` in memory."""
    store = MemoryStore(container.clock())

    async def preparation() -> None:
        """There is nothing to prepare."""

    container.database.override(providers.Object(MemoryDatabase()))
    container.preparation.override(providers.Factory(preparation))
    container.unit_of_work.override(providers.Object(store))
    container.reader.override(providers.Object(store))
    container.pending_answers.override(providers.Object(store))
    return store


def use_memory_for_events(container: Container) -> MemoryBus:
    """Let the events of ``container`` come and go over a bus in memory."""
    bus = MemoryBus(container.clock())
    container.late_signups.override(providers.Object(bus))
    container.publishing.override(providers.Object(InProcessPublishing()))
    container.answer_publisher.override(providers.Object(InProcessAnswers(bus)))
    container.consumer.override(
        providers.Singleton(InProcessConsumer, bus, container.intake, container.clock, container.event_observer)
    )
    return bus
