"""Read our answers as the transactions service does: for the demo and tests, never beside the real reader.

Each answer is acknowledged as it is handed over: whoever runs this takes answers away from
``transaction.finalized.q``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractIncomingMessage

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import FINALIZED_QUEUE

PREFETCH = 500
"""Answers on their way to us at a time: keeps up with the relay, bounds memory."""


@asynccontextmanager
async def answer_subscriber(url: str) -> AsyncIterator[asyncio.Queue[bytes]]:
    """Give a queue that fills with the bodies of answers. Raises one of BROKER_ERRORS; the queue must exist."""
    bodies: asyncio.Queue[bytes] = asyncio.Queue(PREFETCH)

    async def take(message: AbstractIncomingMessage) -> None:
        await bodies.put(message.body)
        await message.ack()

    async with connected(url, "answer subscriber") as connection:
        channel = await connection.channel(publisher_confirms=False, on_return_raises=False)
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.get_queue(FINALIZED_QUEUE, ensure=True)
        await queue.consume(take, no_ack=False)
        yield bodies
