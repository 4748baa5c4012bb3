"""The neighbours that the demo plays: the auth and transactions services, over RabbitMQ or the in-process bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from adapters.rabbitmq.answer_subscriber import answer_subscriber
from adapters.rabbitmq.codec import message_of
from adapters.rabbitmq.event_publisher import EventPublisher, event_publisher
from adapters.rabbitmq.topology import Topology
from entrypoints.demo.in_process import LOOK_S
from wallet_core.memory import MemoryBus
from wallet_core.messages import Subject


class Neighbours(Protocol):
    """Sends events, and reads the answers."""

    async def send(self, subject: Subject, body: bytes) -> None:
        """Publish one event."""
        ...

    async def next_answer(self) -> bytes:
        """Wait for the next answer."""
        ...


class RabbitNeighbours:
    """Neighbours on a real broker."""

    def __init__(self, publisher: EventPublisher, answers: asyncio.Queue[bytes]) -> None:
        """Use open connections; ``rabbit_neighbours`` opens them."""
        self._publisher = publisher
        self._answers = answers

    async def send(self, subject: Subject, body: bytes) -> None:
        """Publish to the exchange of the subject."""
        await self._publisher.publish(subject, body)

    async def next_answer(self) -> bytes:
        """Take it from the transactions service's queue."""
        return await self._answers.get()


@asynccontextmanager
async def rabbit_neighbours(url: str, topology: Topology) -> AsyncIterator[RabbitNeighbours]:
    """Connect as the neighbours do."""
    async with event_publisher(url, topology) as publisher, answer_subscriber(url) as answers:
        yield RabbitNeighbours(publisher, answers)


class InProcessNeighbours:
    """Neighbours on the in-process bus."""

    def __init__(self, bus: MemoryBus) -> None:
        """Share the bus with the service."""
        self._bus = bus
        self._answers_read = 0

    async def send(self, subject: Subject, body: bytes) -> None:
        """Queue it; the bytes are read as those from a broker."""
        self._bus.send(subject, message_of(body))

    async def next_answer(self) -> bytes:
        """Look until there is one more."""
        while len(self._bus.published) <= self._answers_read:  # noqa: ASYNC110 - the bus has no event to wait for
            await asyncio.sleep(LOOK_S)
        self._answers_read += 1
        return self._bus.published[self._answers_read - 1].body
