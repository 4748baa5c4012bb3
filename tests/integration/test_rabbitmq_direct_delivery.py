"""Deliveries that are handed over without a task: all arrive, and one that cannot be taken costs no other."""

from __future__ import annotations

import asyncio

from aiormq.abc import DeliveredMessage

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.consumed_queue import ConsumedQueue
from tests.neighbour import eventually

QUEUE = "direct.q"


async def test_a_delivery_that_raises_leaves_the_others_alone(rabbitmq_url: str) -> None:
    """The channel goes on behind a delivery about which our own code raises; it stays unacked."""
    taken: list[bytes] = []
    lost: list[str] = []

    def take(_queue: ConsumedQueue, _tag: int, message: DeliveredMessage) -> None:
        if message.body == b"poison":
            raise ValueError("a defect of ours")
        taken.append(message.body)

    async with connected(rabbitmq_url, "direct") as connection:
        channel = connection.channel(publisher_confirms=False, on_return_raises=False)
        await channel.initialize()
        underlay = await channel.get_underlay_channel()
        await underlay.queue_declare(QUEUE)
        for body in (b"first", b"poison", b"", b"x" * 300_000):
            await underlay.basic_publish(body, routing_key=QUEUE)

        await ConsumedQueue(QUEUE, channel, underlay, lost.append).consume(10, take)
        await eventually(lambda: asyncio.sleep(0, len(taken) == 3), "all but the poisonous one are taken")
        await underlay.queue_delete(QUEUE)

    assert [b"first", b"", b"x" * 300_000] == taken
    assert lost[:1] == [f"the broker cancelled the consumer of {QUEUE}: was the queue deleted?"]
