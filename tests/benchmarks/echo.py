"""The reference of the drain: consume ``lab.in``, publish with confirm to ``lab.out``, acknowledge. No database.

::

    python -m tests.benchmarks.echo AMQP_URL

The plainest loop that loses nothing, on aio-pika as its own documentation writes it: prefetch 1,000, up to 500 confirms
in flight, persistent messages, uvloop when it is there. It runs until it is killed.
"""

from __future__ import annotations

import asyncio
import sys

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from tests.benchmarks.fast_loop import run_fast

QUEUE_IN = "lab.in"
QUEUE_OUT = "lab.out"

PREFETCH = 1_000

IN_FLIGHT_MAX = 500
"""Most messages that are published and acknowledged together."""

ANSWER = (
    b'{"transactionId":"507f1f77bcf86cd799439013","status":"completed","userId":"507f1f77bcf86cd799439013",'
    b'"success":true}'
)


async def echo(url: str) -> None:
    """Answer messages for ever."""
    connection = await aio_pika.connect(url)
    channel = await connection.channel(publisher_confirms=True)
    await channel.set_qos(PREFETCH)
    queue = await channel.get_queue(QUEUE_IN, ensure=False)
    arrived: list[AbstractIncomingMessage] = []
    wake = asyncio.Event()

    async def take(message: AbstractIncomingMessage) -> None:
        arrived.append(message)
        wake.set()

    await queue.consume(take)
    while True:
        await wake.wait()
        wake.clear()
        batch = arrived[:IN_FLIGHT_MAX]
        del arrived[:IN_FLIGHT_MAX]
        if arrived:
            wake.set()
        if not batch:
            continue
        await asyncio.gather(*(_publish(channel.default_exchange) for _ in batch))
        await batch[-1].ack(multiple=True)


async def _publish(exchange: AbstractExchange) -> None:
    message = aio_pika.Message(ANSWER, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await exchange.publish(message, routing_key=QUEUE_OUT)


def main() -> None:
    """Run it as its own process."""
    (url,) = sys.argv[1:]
    run_fast(echo(url))


if __name__ == "__main__":
    main()
