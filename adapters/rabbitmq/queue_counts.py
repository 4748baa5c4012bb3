"""Ask the broker how many messages wait in a queue, and how many consumers it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aio_pika.exceptions import ChannelNotFoundEntity

from adapters.rabbitmq.connection import answer_within, connected

ANSWER_TIMEOUT_S = 10.0
"""Longest wait for one answer of the broker, seconds; a person sits in front of it."""


@dataclass(frozen=True, slots=True)
class QueueCount:
    """``messages`` are those that wait: AMQP does not tell of what a consumer has fetched and not settled."""

    messages: int = 0
    consumers: int = 0


async def queue_counts(url: str, names: Iterable[str]) -> Mapping[str, QueueCount]:
    """Count for each of these queues; one that does not exist has nothing. Raises one of BROKER_ERRORS."""
    counts: dict[str, QueueCount] = {}
    async with connected(url, "queue counts") as connection:
        for name in names:
            async with answer_within(ANSWER_TIMEOUT_S):
                channel = await connection.channel(publisher_confirms=False, on_return_raises=False)
                try:
                    found = await channel.declare_queue(name, passive=True)
                except ChannelNotFoundEntity:
                    counts[name] = QueueCount()
                    continue
                result = found.declaration_result
                counts[name] = QueueCount(result.message_count or 0, result.consumer_count or 0)
                await channel.close()
    return counts
