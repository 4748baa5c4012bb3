"""One queue that we consume, on a channel of its own: what it delivers, the acks, and signs of life.

Whatever ends it (the channel, the consumer, the queue, the connection) is told once or more to ``lose``; what it had
delivered comes again then. Bounds: ``prefetch`` deliveries unsettled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from aio_pika.abc import AbstractChannel
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic

from adapters.rabbitmq.acknowledgement import Unsettled
from adapters.rabbitmq.connection import BROKER_ERRORS, answer_within, close_quietly, described
from adapters.rabbitmq.direct_delivery import deliver_directly, nobody

ANSWER_TIMEOUT_S = 8.0
"""Longest wait for an answer of the broker on a channel, seconds. Longer means that it is frozen or out of reach; with
the interval of the watch (``arrivals.py``) that is noticed within 15."""

OnDelivery = Callable[["ConsumedQueue", int, DeliveredMessage], None]
"""Takes in a delivery: the queue to ack it on, its tag there, and what has come."""


class ConsumedQueue:
    """A queue that we consume."""

    def __init__(
        self, name: str, channel: AbstractChannel, underlay: UnderlayChannel, lose: Callable[[str], None]
    ) -> None:
        """Use ``channel`` alone; ``lose`` hears why this has ended. ``consume`` begins."""
        self.name = name
        self._channel = channel
        self._underlay = underlay
        self._lose = lose
        self._unsettled = Unsettled()
        self._acking = asyncio.Lock()
        self._consumer_tag: str | None = None

    async def consume(self, prefetch: int, on_delivery: OnDelivery) -> None:
        """Begin to consume, at most ``prefetch`` unsettled at a time. Raises one of BROKER_ERRORS."""

        def take(message: DeliveredMessage) -> None:
            if message.delivery_tag is not None:
                self._unsettled.arrived(message.delivery_tag)
                on_delivery(self, message.delivery_tag, message)

        deliver_directly(cast("Channel", self._underlay), take)  # of the one class there is
        self._underlay.closing.add_done_callback(self._on_closed)
        self._underlay.on_consumer_cancel_callbacks.add(self._on_cancel)
        async with answer_within(ANSWER_TIMEOUT_S):
            await self._underlay.basic_qos(prefetch_size=0, prefetch_count=prefetch, global_=False)
            consumed = await self._underlay.basic_consume(self.name, nobody, no_ack=False, exclusive=False)
        self._consumer_tag = consumed.consumer_tag

    async def cancel(self) -> None:
        """Take nothing more; what has arrived can still be settled."""
        if self._consumer_tag is None or self._underlay.is_closed:
            return
        try:
            async with answer_within(ANSWER_TIMEOUT_S):
                await self._underlay.basic_cancel(self._consumer_tag, nowait=False)
        except BROKER_ERRORS as error:
            self._lose(described(error))

    async def ack(self, tags: Sequence[int]) -> int:
        """Ack these deliveries; give how many acks came too late: then the channel is gone."""
        async with self._acking:
            try:
                async with answer_within(ANSWER_TIMEOUT_S):  # a dead connection may leave its frames' queue full
                    acks = self._unsettled.settle(tags)
                    for ack in acks:  # the last is waited for until it is written: then all are on their way
                        await self._underlay.basic_ack(ack.tag, multiple=ack.multiple, wait=ack is acks[-1])
            except BROKER_ERRORS as error:
                self._lose(f"cannot ack on {self.name}: {described(error)}")
                return len(tags)
        return 0

    async def look(self) -> tuple[int, int]:
        """Give the ready messages and the consumers of the queue. Raises one of BROKER_ERRORS; the channel is gone."""
        async with answer_within(ANSWER_TIMEOUT_S):
            answer = await self._underlay.queue_declare(self.name, passive=True)
        return answer.message_count or 0, answer.consumer_count or 0

    async def close(self) -> None:
        """Close the channel: what is unsettled returns to its queue."""
        if not self._channel.is_closed:
            await close_quietly(self._channel.close, f"channel of {self.name}")

    def _on_closed(self, closing: asyncio.Future[object]) -> None:
        error = None if closing.cancelled() else closing.exception()
        reason = "closed" if error is None else described(error)
        self._lose(f"channel of {self.name}: {reason}")

    async def _on_cancel(self, _: Basic.Cancel) -> None:
        self._lose(f"the broker cancelled the consumer of {self.name}: was the queue deleted?")


class Unacked(Protocol):
    """A delivery that has not been acked yet."""

    @property
    def queue(self) -> ConsumedQueue:
        """Where to ack it."""
        ...

    @property
    def tag(self) -> int:
        """Its tag there."""
        ...


async def ack_many(deliveries: Sequence[Unacked]) -> int:
    """Ack deliveries, each on its queue; give how many came too late."""
    lost = 0
    for queue in dict.fromkeys(delivery.queue for delivery in deliveries):
        lost += await queue.ack([delivery.tag for delivery in deliveries if delivery.queue is queue])
    return lost
