"""The other services, as far as a fault can hit them too: they publish until it is confirmed, and read every answer.

``Client`` is the auth and the transactions service in one. It speaks to the broker directly, not through the proxy of
the service under test; when the broker dies it connects again, and sends again what was not confirmed, as publishers
do: that is where duplicates come from.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self
from uuid import uuid4

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from adapters.rabbitmq.connection import BROKER_ERRORS, connected
from adapters.rabbitmq.topology import AUTH_EXCHANGE, FINALIZED_QUEUE, INPUT_QUEUES, TRANSACTION_EXCHANGE
from tests.faults.history import History
from tests.scenario import Event
from wallet_core.messages import FINALIZED_KEY, Subject

IN_FLIGHT_MAX = 200
"""Publishes that wait for their confirm at a time: enough to keep the broker busy, few to send again."""

SEND_S_MAX = 120.0
"""Longest that a broker may be away while something is to be sent, seconds."""

RECONNECT_S = 0.2
"""Pause before the next connection, seconds."""

ERRORS: tuple[type[BaseException], ...] = (*BROKER_ERRORS, AMQPError)

_EXCHANGES = {queue.subject: queue.exchange for queue in INPUT_QUEUES}


def plain_properties(message_id: str | None = None) -> Basic.Properties:
    """Give the properties of an ordinary event."""
    return Basic.Properties(content_type="application/json", delivery_mode=2, message_id=message_id)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is published: any bytes under the routing key of a subject."""

    subject: Subject
    body: bytes
    properties: Basic.Properties = field(default_factory=plain_properties)


class Client:
    """Publishes events and reads answers, for ever; use it as an ``async with`` block."""

    def __init__(self, url: str, history: History) -> None:
        """Connect to ``url`` later; write everything down in ``history``."""
        self._url = url
        self._history = history
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Assert the topology as every v1 service does at its start, and begin to read answers."""
        async with connected(self._url, "neighbours") as connection:
            await declare(connection)
        self._reading = asyncio.create_task(self._read_for_ever())
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def send(self, *events: Event) -> None:
        """Publish events in order, and return when each is confirmed."""
        await self.send_outgoing(*(Outgoing(event.subject, json.dumps(event.message).encode()) for event in events))

    async def send_outgoing(self, *events: Outgoing) -> None:
        """Publish any bytes with any properties, and return when each is confirmed."""
        waiting = [_named(event) for event in events]
        deadline_s = time.monotonic() + SEND_S_MAX
        while waiting:
            assert time.monotonic() < deadline_s, f"{len(waiting)} events were not confirmed in {SEND_S_MAX} s"
            try:
                async with connected(self._url, "publisher") as connection:
                    waiting = await self._send_on(connection, waiting)
            except ERRORS:
                await asyncio.sleep(RECONNECT_S)

    async def _send_on(self, connection: AbstractConnection, events: Sequence[Outgoing]) -> list[Outgoing]:
        """Publish on one connection; give what was not confirmed."""
        channel = connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.initialize(timeout=10)
        underlay = await channel.get_underlay_channel()
        for start in range(0, len(events), IN_FLIGHT_MAX):
            wave = events[start : start + IN_FLIGHT_MAX]
            confirms = await asyncio.gather(*(_publish(underlay, event) for event in wave), return_exceptions=True)
            unconfirmed = []
            for event, confirm in zip(wave, confirms, strict=True):
                if isinstance(confirm, Basic.Ack):
                    self._history.add_sent(event.subject, event.body.decode("utf-8", "replace"))
                else:
                    unconfirmed.append(event)
            if unconfirmed:
                return [*unconfirmed, *events[start + IN_FLIGHT_MAX :]]
        return []

    async def _read_for_ever(self) -> None:
        while True:
            try:
                async with connected(self._url, "answer reader") as connection:
                    await self._read_on(connection)
            except ERRORS:
                await asyncio.sleep(RECONNECT_S)

    async def _read_on(self, connection: AbstractConnection) -> None:
        """Read on one connection until it is lost; what is not acked then comes again."""
        channel = connection.channel(publisher_confirms=False)
        await channel.initialize(timeout=10)
        await channel.set_qos(prefetch_count=500)
        underlay = await channel.get_underlay_channel()

        async def read(message: DeliveredMessage) -> None:
            self._history.add_read(message.body.decode(), message.header.properties.message_id)
            await underlay.basic_ack(message.delivery_tag or 0)

        await underlay.basic_consume(FINALIZED_QUEUE, read)
        await asyncio.wait([underlay.closing])


async def declare(connection: AbstractConnection) -> None:
    """Assert the exchanges, queues and bindings of the contract, as every v1 service does at its start."""
    channel = connection.channel()
    await channel.initialize(timeout=10)
    for exchange in (AUTH_EXCHANGE, TRANSACTION_EXCHANGE):
        await channel.declare_exchange(exchange, "direct", durable=True)
    for queue in INPUT_QUEUES:
        declared = await channel.declare_queue(queue.name, durable=True)
        await declared.bind(queue.exchange, queue.subject.value)
    finalized = await channel.declare_queue(FINALIZED_QUEUE, durable=True)
    await finalized.bind(TRANSACTION_EXCHANGE, FINALIZED_KEY)
    await channel.close()


def _named(event: Outgoing) -> Outgoing:
    """
    Give an event an id before it is sent first, so that what is sent again after a lost confirm is the same message.

    The library would draw another id for each try, and two dead letters about one event would look like two events.
    """
    properties = copy(event.properties)
    properties.message_id = properties.message_id or uuid4().hex
    return replace(event, properties=properties)


async def _publish(channel: UnderlayChannel, event: Outgoing) -> object:
    return await channel.basic_publish(
        event.body,
        exchange=_EXCHANGES[event.subject],
        routing_key=event.subject.value,
        properties=event.properties,
        mandatory=True,
        timeout=20,
    )
