"""Publish events as a neighbour would: to the exchange of the routing key, persistent, and known to have arrived.

For ``wallet publish``, the demo and tests. A body is bytes and goes out as it is: a poison message must be sendable
too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from aio_pika.abc import AbstractConnection
from pamqp.commands import Basic

from adapters.rabbitmq.codec import PERSISTENT
from adapters.rabbitmq.confirms import ConfirmedChannel, Publication
from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import INPUT_QUEUES, Topology
from adapters.rabbitmq.wave import Outgoing
from wallet_core.messages import Subject

EXCHANGES = {queue.subject: queue.exchange for queue in INPUT_QUEUES}
"""The exchange of each event (contract)."""


class NotPublished(Exception):
    """The broker did not take an event, or did not say so in time."""

    def __init__(self, subject: Subject, publication: Publication) -> None:
        """Keep what was sent and how it ended."""
        super().__init__(f"{subject.value} was not published: {publication.name.lower()}; is the broker well?")
        self.subject = subject
        self.publication = publication


class EventPublisher:
    """Publishes events through an open connection; see ``event_publisher``."""

    def __init__(self, connection: AbstractConnection) -> None:
        """Use ``connection`` with a channel of our own."""
        self._channel = ConfirmedChannel(lambda: connection)

    async def publish(self, subject: Subject, body: bytes) -> None:
        """Publish one event. Raises NotPublished."""
        await self.publish_many([(subject, body)])

    async def publish_many(self, events: Sequence[tuple[Subject, bytes]]) -> None:
        """Publish many events, in order for each queue. Raises NotPublished for the first that failed."""
        publications = await self._channel.publish_many([_outgoing(subject, body) for subject, body in events])
        for (subject, _), publication in zip(events, publications, strict=True):
            if publication is not Publication.CONFIRMED:
                raise NotPublished(subject, publication)


@asynccontextmanager
async def event_publisher(url: str, topology: Topology) -> AsyncIterator[EventPublisher]:
    """Connect as a neighbour, and make sure that the exchanges are there. Raises one of BROKER_ERRORS."""
    async with connected(url, "event publisher") as connection:
        await topology.declare(connection)
        yield EventPublisher(connection)


def _outgoing(subject: Subject, body: bytes) -> Outgoing:
    properties = Basic.Properties(content_type="application/json", delivery_mode=PERSISTENT, message_id=str(uuid4()))
    return Outgoing(EXCHANGES[subject], subject.value, body, properties)
