"""What the other services do at the broker, and what a person sees there: publish, count, fetch, declare, delete."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity
from aiormq.abc import AbstractChannel as UnderlayChannel
from pamqp.commands import Basic
from pamqp.common import FieldValue

from adapters.rabbitmq.event_publisher import EXCHANGES
from tests.scenario import Event
from wallet_core import Subject

EVENTUALLY_S = 15.0
"""Longest that a test waits for something to become true, seconds."""

FETCHED_MAX = 10_000
"""Most messages of one fetch."""


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, timeout_s: float = EVENTUALLY_S) -> None:
    """Wait until ``condition`` holds. Fails the test after ``timeout_s``."""
    deadline_s = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s} s: {what}"
        await asyncio.sleep(0.02)


def body_of(event: Event) -> bytes:
    """Write an event as a neighbour's message."""
    return json.dumps(event.message).encode()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message, fetched and acked."""

    body: bytes
    properties: Basic.Properties

    @property
    def headers(self) -> Mapping[str, FieldValue]:
        """Give its headers."""
        return self.properties.headers or {}


class Neighbour:
    """Works on a connection of its own."""

    def __init__(self, connection: AbstractConnection) -> None:
        """Open nothing yet."""
        self._connection = connection

    async def channel(self) -> AbstractChannel:
        """Open a channel."""
        channel = self._connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.initialize()
        return channel

    async def send(self, *events: Event) -> None:
        """Publish events to their exchanges, confirmed."""
        for event in events:
            await self.send_bytes(event.subject, body_of(event))

    async def send_bytes(self, subject: Subject, body: bytes, properties: Basic.Properties | None = None) -> None:
        """Publish any bytes with any properties to the exchange of ``subject``, confirmed."""
        async with self._underlay() as underlay:
            await underlay.basic_publish(
                body,
                exchange=EXCHANGES[subject],
                routing_key=subject.value,
                properties=properties or Basic.Properties(delivery_mode=2),
                mandatory=True,
                timeout=10,
            )

    async def put(self, queue: str, body: bytes, properties: Basic.Properties | None = None) -> None:
        """Put any bytes straight into a queue, confirmed."""
        async with self._underlay() as underlay:
            await underlay.basic_publish(
                body,
                routing_key=queue,
                properties=properties or Basic.Properties(delivery_mode=2),
                mandatory=True,
                timeout=10,
            )

    async def ready(self, queue: str) -> int | None:
        """Count the messages that are ready in a queue; None when it does not exist."""
        counts = await self._counts(queue)
        return None if counts is None else counts[0]

    async def consumers(self, queue: str) -> int | None:
        """Count the consumers of a queue; None when it does not exist."""
        counts = await self._counts(queue)
        return None if counts is None else counts[1]

    async def fetch(self, queue: str) -> Fetched | None:
        """Fetch and ack the oldest message of a queue; None when it is empty."""
        return next(iter(await self._fetch_many(queue, 1)), None)

    async def fetch_all(self, queue: str) -> list[Fetched]:
        """Fetch and ack all that is ready in a queue."""
        return await self._fetch_many(queue, FETCHED_MAX)

    async def wait_ready(self, queue: str, messages: int) -> None:
        """Wait until a queue has so many messages ready."""

        async def has() -> bool:
            return await self.ready(queue) == messages

        await eventually(has, f"{messages} messages in {queue}")

    async def wait_consumers(self, queue: str, consumers: int, timeout_s: float = EVENTUALLY_S) -> None:
        """Wait until a queue has so many consumers."""

        async def has() -> bool:
            return await self.consumers(queue) == consumers

        await eventually(has, f"{consumers} consumers of {queue}", timeout_s)

    async def _fetch_many(self, queue: str, messages_max: int) -> list[Fetched]:
        fetched: list[Fetched] = []
        async with self._underlay() as underlay:
            while len(fetched) < messages_max:
                received = await underlay.basic_get(queue, no_ack=True, timeout=10)
                if isinstance(received.delivery, Basic.GetEmpty):
                    break
                fetched.append(Fetched(received.body, received.header.properties))
        return fetched

    def _underlay(self) -> _Underlay:
        return _Underlay(self)

    async def _counts(self, queue: str) -> tuple[int, int] | None:
        async with self._underlay() as underlay:
            try:
                answer = await underlay.queue_declare(queue, passive=True, timeout=10)
            except ChannelNotFoundEntity:
                return None
            return answer.message_count or 0, answer.consumer_count or 0


class _Underlay:
    """A channel for one piece of work."""

    def __init__(self, neighbour: Neighbour) -> None:
        self._neighbour = neighbour
        self._channel: AbstractChannel | None = None

    async def __aenter__(self) -> UnderlayChannel:
        self._channel = await self._neighbour.channel()
        return await self._channel.get_underlay_channel()

    async def __aexit__(self, *_: object) -> None:
        if self._channel is not None and not self._channel.is_closed:
            await self._channel.close()
