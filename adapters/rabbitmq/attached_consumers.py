"""Ask the broker whether anybody consumes our input: two wallet services on one queue would share its events."""

from __future__ import annotations

from collections.abc import Mapping

from aio_pika.exceptions import ChannelNotFoundEntity

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import INPUT_QUEUES

ANSWER_TIMEOUT_S = 10.0
"""Longest wait for one answer of the broker, seconds; a person sits in front of it."""


async def attached_consumers(url: str) -> Mapping[str, int]:
    """Count the consumers of each input queue that has any. Raises one of BROKER_ERRORS."""
    counts: dict[str, int] = {}
    async with connected(url, "attached consumers") as connection:
        for queue in INPUT_QUEUES:
            channel = await connection.channel(publisher_confirms=False, on_return_raises=False)
            try:
                found = await channel.declare_queue(queue.name, passive=True, timeout=ANSWER_TIMEOUT_S)
            except ChannelNotFoundEntity:
                continue
            if found.declaration_result.consumer_count:
                counts[queue.name] = found.declaration_result.consumer_count
            await channel.close()
    return counts
