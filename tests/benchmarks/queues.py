"""Queues as the benchmarks use them: filled before anything consumes, watched until the first message is delivered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.channel import Channel
from pamqp.commands import Basic

from adapters.rabbitmq.connection import connected
from tests.neighbour import eventually

POLL_S = 0.005
"""How often a queue is looked at, seconds: a thousandth of a drain."""

FILLED_S_MAX = 120.0
"""Longest that the broker may take to have all messages, seconds."""


async def declare_queues(url: str, *names: str) -> None:
    """Make durable queues without arguments."""
    async with connected(url, "queues") as connection:
        channel = await _underlay(connection)
        for name in names:
            await channel.queue_declare(name, durable=True)


async def fill(url: str, name: str, bodies: Sequence[bytes]) -> None:
    """Put persistent messages into a queue, and return when the broker has all of them ready."""
    async with connected(url, "preload") as connection:
        channel = await _underlay(connection)
        properties = Basic.Properties(content_type="application/json", delivery_mode=2)
        publish = cast("Channel", channel).basic_publish  # of the one class there is; its abstract one knows no `wait`
        for body in bodies:
            await publish(body, routing_key=name, properties=properties, wait=False)

        async def is_full() -> bool:
            return await ready(channel, name) == len(bodies)

        await eventually(is_full, f"{len(bodies)} messages in {name}", FILLED_S_MAX)


async def first_delivery_ns(channel: UnderlayChannel, name: str, full: int, timeout_s: float) -> int:
    """Wait until a queue of ``full`` messages has delivered the first; give when that was seen (``monotonic_ns``)."""
    async with asyncio.timeout(timeout_s):
        while await ready(channel, name) == full:  # noqa: ASYNC110 - only the broker knows
            await asyncio.sleep(POLL_S)
    return time.monotonic_ns()


async def ready(channel: UnderlayChannel, name: str) -> int:
    """Count the messages that wait in a queue."""
    answer = await channel.queue_declare(name, passive=True)
    return answer.message_count or 0


async def left_in(url: str, names: Sequence[str]) -> dict[str, int]:
    """Count the messages in each of these queues that is not empty; one that does not exist has none."""
    left = {}
    for name in names:
        async with looking(url) as channel:
            try:
                count = await ready(channel, name)
            except ChannelNotFoundEntity:
                continue
        if count:
            left[name] = count
    return left


@asynccontextmanager
async def looking(url: str) -> AsyncIterator[UnderlayChannel]:
    """Give a channel on a connection of its own."""
    async with connected(url, "look") as connection:
        yield await _underlay(connection)


async def _underlay(connection: AbstractConnection) -> UnderlayChannel:
    channel = connection.channel(publisher_confirms=False)
    await channel.initialize(timeout=10)
    return await channel.get_underlay_channel()
