"""One session of consuming: the queues that it consumes, and what has arrived on the input queues and is not taken yet.

A session ends as a whole: when the connection, a channel or a consumer is gone, a task of it has failed, or a queue
has no consumer although we believe to be one, it is *lost*, whoever waits on it hears so, and everything that it had
delivered is forgotten: it comes again.

Per message, here is all that happens before the batch: one callback reads the body and appends to a deque. Reading it
on arrival spreads the parsing over the time in which the database works. Bounds: ``prefetch`` deliveries for each
queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from sys import intern
from typing import Any

import structlog
from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from structlog.typing import FilteringBoundLogger

from adapters.rabbitmq.codec import attempts_of, dead_letter_id_of, message_of
from adapters.rabbitmq.connection import BROKER_ERRORS, SessionLost, answer_within, described
from adapters.rabbitmq.consumed_queue import ANSWER_TIMEOUT_S, ConsumedQueue, OnDelivery
from adapters.rabbitmq.patience import is_set_within
from adapters.rabbitmq.topology import INPUT_QUEUES, InputQueue
from wallet_core.intake import Delivery
from wallet_core.messages import Subject

WATCH_INTERVAL_S = 5.0
"""How often each queue is asked for its consumers, seconds: a consumer that is silently gone is back within ten."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """
    A delivery that has arrived, with all that is needed to settle it, and no more.

    Thousands of them wait in memory, and the client library's own message is half as large again.
    """

    queue: ConsumedQueue
    tag: int
    delivery: Delivery
    routing_key: str
    properties: Basic.Properties
    body: bytes


class InputSession:
    """All that is consumed on one connection, and the tasks that work on it."""

    def __init__(self) -> None:
        """Start empty; see ``open``."""
        self._queues: dict[str, ConsumedQueue] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived: deque[Arrival] = deque()
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()
        self._lost_reason = ""
        self._ending = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def open(
        self, connection: AbstractConnection, prefetch: int, queues: Sequence[InputQueue] = INPUT_QUEUES
    ) -> None:
        """Consume from these input queues. Raises one of BROKER_ERRORS."""
        for queue in queues:
            await self.consume(connection, queue.name, prefetch, partial(self._arrive, queue.subject))
        self._watching = asyncio.ensure_future(self._watch())
        self._depend_on(self._watching, "watch")

    async def consume(self, connection: AbstractConnection, name: str, prefetch: int, on_delivery: OnDelivery) -> None:
        """Consume one queue more; this session is lost with it. Raises one of BROKER_ERRORS."""
        channel = connection.channel(publisher_confirms=False, on_return_raises=False)
        async with answer_within(ANSWER_TIMEOUT_S):
            await channel.initialize()
        self._queues[name] = ConsumedQueue(name, channel, await channel.get_underlay_channel(), self.lose)
        await self._queues[name].consume(prefetch, on_delivery)

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run ``work`` until this session is closed; if it fails, this session is lost."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        self._depend_on(task, name)

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

    def whole_batch(self, batch_max: int) -> list[Delivery]:
        """Give the deliveries that the next ``take`` gives, if they are ``batch_max`` already; else none."""
        if len(self._arrived) < batch_max:
            return []
        return [arrival.delivery for arrival in islice(self._arrived, batch_max)]

    def holds(self, subject: Subject) -> bool:
        """Tell whether a delivery about ``subject`` has arrived that no batch has taken yet."""
        return any(arrival.delivery.subject is subject for arrival in self._arrived)

    def queue_of(self, subject: Subject) -> ConsumedQueue:
        """Give the shared input queue of ``subject``."""
        return self._queues[next(queue.name for queue in INPUT_QUEUES if queue.subject is subject)]

    def lose(self, reason: str) -> None:
        """End this session: whoever takes from it or waits for its end hears so. Only the first reason counts."""
        if not self._lost.is_set():
            self._lost_reason = reason
            self._lost.set()
            self._wake.set()

    async def wait_lost(self, timeout_s: float) -> None:
        """Wait ``timeout_s``, and less if the session is lost meanwhile: then raises SessionLost."""
        if await is_set_within(self._lost, timeout_s):
            raise SessionLost(self._lost_reason)

    async def cancel(self) -> None:
        """Take no new delivery; what has arrived and is not taken returns to its queue when we close."""
        self._ending.set()
        self._arrived.clear()
        self._wake.clear()
        await asyncio.gather(*(queue.cancel() for queue in self._queues.values()))

    async def close(self) -> None:
        """End the tasks and close the channels: what is unsettled returns to the queues."""
        self._ending.set()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.gather(*(queue.close() for queue in self._queues.values()))
        if self._watching is not None:
            await asyncio.wait([self._watching], timeout=ANSWER_TIMEOUT_S)

    def _arrive(self, subject: Subject, queue: ConsumedQueue, tag: int, message: DeliveredMessage) -> None:
        """Take in a delivery; after ``cancel`` it is left to return to its queue."""
        if self._ending.is_set():
            return
        properties = message.header.properties
        delivery = Delivery(
            subject,
            message_of(message.body, properties.content_encoding),
            attempts_of(properties.headers),
            dead_letter_id_of(properties.headers),
        )
        routing_key = intern(message.routing_key or "")
        self._arrived.append(Arrival(queue, tag, delivery, routing_key, properties, message.body))
        self._wake.set()

    def _depend_on(self, task: asyncio.Task[None], name: str) -> None:
        """Be lost when ``task`` fails, which can only be a defect of ours: a new session may do better."""

        def on_end(task: asyncio.Task[None]) -> None:
            if task.cancelled():
                return self.lose(f"the {name} has ended")  # with this session, or by the client library
            if (error := task.exception()) is not None:
                _log.error("session_task_failed", task=name, error=described(error), exc_info=error)
                self.lose(f"the {name} has failed")
            return None

        task.add_done_callback(on_end)

    async def _watch(self) -> None:
        """
        Lose the session when a queue says that it has no consumer, or the broker says nothing.

        Ends by itself, and is never cancelled: a question that is cancelled closes its channel.
        """
        while not await is_set_within(self._ending, WATCH_INTERVAL_S):
            for queue in self._queues.values():
                try:
                    _, consumers = await queue.look()
                except BROKER_ERRORS as error:
                    return self.lose(f"no answer about {queue.name}: {described(error)}")
                if not consumers and not self._ending.is_set():
                    return self.lose(f"{queue.name} has no consumer although we consume it")
        return None
