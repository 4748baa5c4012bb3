"""One session of consuming: a channel for each input queue, and what has arrived through them and is not taken yet.

A session ends as a whole: when the connection, a channel or a consumer is gone, or a queue has no consumer although
we believe to be one, it is *lost*, whoever waits on it hears so, and everything that it had delivered is forgotten:
it comes again.

Per message, here is all that happens before the batch: one callback reads the body and appends to a deque. Reading it
on arrival spreads the parsing over the time in which the database works. Bounds: ``prefetch`` deliveries for each
queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from structlog.typing import FilteringBoundLogger

from adapters.rabbitmq.acknowledgement import Unsettled
from adapters.rabbitmq.codec import attempts_of, message_of
from adapters.rabbitmq.connection import BROKER_ERRORS, SessionLost, close_quietly, described
from adapters.rabbitmq.topology import INPUT_QUEUES, InputQueue
from wallet_core.intake import Delivery
from wallet_core.messages import Subject

WATCH_INTERVAL_S = 5.0
"""How often each queue is asked for its consumers, seconds: a consumer that is silently gone is back within ten."""

ANSWER_TIMEOUT_S = 8.0
"""Longest wait for an answer of the broker on a channel, seconds. Longer means that it is frozen or out of reach; with
the interval of the watch that is noticed within 15."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery that has arrived, with all that is needed to settle it."""

    channel: InputChannel
    tag: int
    delivery: Delivery
    received: DeliveredMessage


class InputChannel:
    """The channel of one input queue."""

    def __init__(
        self, queue: InputQueue, session: InputSession, channel: AbstractChannel, underlay: UnderlayChannel
    ) -> None:
        """Belong to ``session``; ``consume`` begins."""
        self.queue = queue
        self._session = session
        self._channel = channel
        self._underlay = underlay
        self._unsettled = Unsettled()
        self._acking = asyncio.Lock()
        self._consumer_tag: str | None = None

    async def consume(self, prefetch: int) -> None:
        """Begin to consume, at most ``prefetch`` unsettled at a time. Raises one of BROKER_ERRORS."""
        self._underlay.closing.add_done_callback(self._on_closed)
        self._underlay.on_consumer_cancel_callbacks.add(self._on_cancel)
        await self._underlay.basic_qos(
            prefetch_size=0, prefetch_count=prefetch, global_=False, timeout=ANSWER_TIMEOUT_S
        )
        consumed = await self._underlay.basic_consume(
            self.queue.name, self._on_delivery, no_ack=False, exclusive=False, timeout=ANSWER_TIMEOUT_S
        )
        self._consumer_tag = consumed.consumer_tag

    async def cancel(self) -> None:
        """Take nothing more; what has arrived can still be settled."""
        if self._consumer_tag is not None and not self._underlay.is_closed:
            await self._underlay.basic_cancel(self._consumer_tag, nowait=False, timeout=ANSWER_TIMEOUT_S)

    async def ack(self, tags: Sequence[int]) -> int:
        """Ack these deliveries; give how many acks came too late: then the channel is gone, and so is the session."""
        async with self._acking:
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):  # a dead connection may leave its queue of frames full
                    for ack in self._unsettled.settle(tags):
                        await self._underlay.basic_ack(ack.tag, multiple=ack.multiple, wait=False)
            except BROKER_ERRORS as error:
                self._session.lose(f"cannot ack on {self.queue.name}: {described(error)}")
                return len(tags)
        return 0

    async def look(self) -> tuple[int, int]:
        """Give the ready messages and the consumers of the queue. Raises one of BROKER_ERRORS; the channel is gone."""
        answer = await self._underlay.queue_declare(self.queue.name, passive=True, timeout=ANSWER_TIMEOUT_S)
        return answer.message_count or 0, answer.consumer_count or 0

    async def close(self) -> None:
        """Close the channel: what is unsettled returns to its queue."""
        if not self._channel.is_closed:
            await close_quietly(self._channel.close, f"channel of {self.queue.name}")

    async def _on_delivery(self, message: DeliveredMessage) -> None:
        tag = message.delivery_tag
        if tag is None:
            return
        self._unsettled.arrived(tag)
        properties = message.header.properties
        delivery = Delivery(
            self.queue.subject,
            message_of(message.body, properties.content_encoding),
            attempts_of(properties.headers),
        )
        self._session.arrive(Arrival(self, tag, delivery, message))

    def _on_closed(self, closing: asyncio.Future[object]) -> None:
        error = None if closing.cancelled() else closing.exception()
        reason = "closed" if error is None else described(error)
        self._session.lose(f"channel of {self.queue.name}: {reason}")

    async def _on_cancel(self, _: Basic.Cancel) -> None:
        self._session.lose(f"the broker cancelled the consumer of {self.queue.name}: was the queue deleted?")


class InputSession:
    """All input channels of one connection."""

    def __init__(self) -> None:
        """Start empty; see ``open``."""
        self._channels: list[InputChannel] = []
        self._arrived: deque[Arrival] = deque()
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()
        self._lost_reason = ""
        self._ending = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def open(self, connection: AbstractConnection, prefetch: int) -> None:
        """Consume from every input queue. Raises one of BROKER_ERRORS."""
        for queue in INPUT_QUEUES:
            channel = connection.channel(publisher_confirms=False, on_return_raises=False)
            await channel.initialize(timeout=ANSWER_TIMEOUT_S)
            self._channels.append(InputChannel(queue, self, channel, await channel.get_underlay_channel()))
        for input_channel in self._channels:
            await input_channel.consume(prefetch)
        self._watching = asyncio.ensure_future(self._watch())
        self.depend_on(self._watching, "watch")

    async def take(self, batch_max: int) -> list[Arrival]:
        """Wait until something is here, and take what is, at most ``batch_max``. Raises SessionLost."""
        while True:
            await self._wake.wait()
            if self._lost.is_set():
                raise SessionLost(self._lost_reason)
            batch = [self._arrived.popleft() for _ in range(min(batch_max, len(self._arrived)))]
            if not self._arrived:
                self._wake.clear()
            if batch:
                return batch

    def arrive(self, arrival: Arrival) -> None:
        """Take in a delivery; after ``cancel`` it is left to return to its queue."""
        if self._ending.is_set():
            return
        self._arrived.append(arrival)
        self._wake.set()

    def holds(self, subject: Subject) -> bool:
        """Tell whether a delivery about ``subject`` has arrived that no batch has taken yet."""
        return any(arrival.delivery.subject is subject for arrival in self._arrived)

    def channel_of(self, subject: Subject) -> InputChannel:
        """Give the channel for ``subject``."""
        return next(channel for channel in self._channels if channel.queue.subject is subject)

    def lose(self, reason: str) -> None:
        """End this session: whoever takes from it or waits for its end hears so. Only the first reason counts."""
        if not self._lost.is_set():
            self._lost_reason = reason
            self._lost.set()
            self._wake.set()

    def depend_on(self, task: asyncio.Task[None], name: str) -> None:
        """Be lost when ``task`` fails, which can only be a defect of ours: a new session may do better."""

        def on_end(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("session_task_failed", task=name, error=described(error), exc_info=error)
                self.lose(f"the {name} has failed")

        task.add_done_callback(on_end)

    async def wait_lost(self, timeout_s: float) -> None:
        """Wait ``timeout_s``, and less if the session is lost meanwhile: then raises SessionLost."""
        if await _is_set_within(self._lost, timeout_s):
            raise SessionLost(self._lost_reason)

    async def cancel(self) -> None:
        """Take no new delivery; what has arrived and is not taken returns to its queue when we close."""
        self._ending.set()
        self._arrived.clear()
        self._wake.clear()
        for channel in self._channels:
            try:
                await channel.cancel()
            except BROKER_ERRORS as error:
                self.lose(described(error))

    async def close(self) -> None:
        """Close the channels: what is unsettled returns to the queues."""
        self._ending.set()
        await asyncio.gather(*(channel.close() for channel in self._channels))
        if self._watching is not None:
            await asyncio.wait([self._watching], timeout=ANSWER_TIMEOUT_S)

    async def _watch(self) -> None:
        """
        Lose the session when a queue says that it has no consumer, or the broker says nothing.

        Ends by itself, and is never cancelled: a question that is cancelled closes its channel.
        """
        while not await _is_set_within(self._ending, WATCH_INTERVAL_S):
            for channel in self._channels:
                try:
                    _, consumers = await channel.look()
                except BROKER_ERRORS as error:
                    return self.lose(f"no answer about {channel.queue.name}: {described(error)}")
                if not consumers and not self._ending.is_set():
                    return self.lose(f"{channel.queue.name} has no consumer although we consume it")
        return None


async def _is_set_within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False
