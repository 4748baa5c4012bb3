"""Handing over: a delivery is acked once the broker has confirmed the message that takes its place elsewhere.

Handovers run beside the batches: a broker that takes no message for a while (memory alarm) does not stop the acks of
the others. What the broker has not confirmed stays unacked and is tried again, with back-off, as long as the session
lives; when it ends, its deliveries come again anyway. A handover whose end is unknown may be there twice then: its
transaction id makes that harmless. One full or missing queue holds up nobody but what goes there.

Bounds: what waits here is unsettled, so there is never more of it than the prefetch of the queues.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from structlog.typing import FilteringBoundLogger

from adapters.rabbitmq.backoff import Backoff
from adapters.rabbitmq.confirms import ConfirmedChannel, Publication
from adapters.rabbitmq.consumed_queue import ConsumedQueue, ack_many
from adapters.rabbitmq.observer import Observer
from adapters.rabbitmq.patience import is_set_within
from adapters.rabbitmq.publisher import PublishingConnection
from adapters.rabbitmq.steps import BrokerStep
from adapters.rabbitmq.wave import Outgoing

PAUSE_INITIAL_S = 0.2
PAUSE_MAX_S = 10.0
"""First and longest pause between two tries, seconds."""

KEYS_LOGGED_MAX = 10
"""Most ids in one line of the log about what the broker does not take."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Handover:
    """
    A delivery and the message that takes its place. Made once: all tries carry the same message.

    ``key`` is the transaction or user id of the event, None if it had none or nobody has looked.
    """

    queue: ConsumedQueue
    tag: int
    key: str | None
    outgoing: Outgoing


H = TypeVar("H", bound=Handover)


@dataclass(frozen=True, slots=True)
class HandoverSteps:
    """What an observer hears of one kind of handover: its name, and the steps that it reaches."""

    name: str
    sent: BrokerStep
    confirmed: BrokerStep
    acked: BrokerStep


class Handovers(Generic[H]):
    """Hands over the deliveries of one session. ``run`` must run while the session lives."""

    def __init__(
        self,
        steps: HandoverSteps,
        connection: PublishingConnection,
        channel: ConfirmedChannel,
        observer: Observer,
        on_confirmed: Callable[[H], None] | None = None,
    ) -> None:
        """Publish through ``channel``, one of ``connection``'s. ``on_confirmed`` hears of each before its ack."""
        self.refused = 0
        """How much the broker did not take at the last try."""
        self._steps = steps
        self._connection = connection
        self._channel = channel
        self._observer = observer
        self._on_confirmed = on_confirmed
        self._fresh: list[H] = []
        self._put_back: list[H] = []
        self._retry_at_s = float("-inf")
        self._added = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, handovers: Sequence[H]) -> None:
        """Take these over; they are acked once they are confirmed."""
        if handovers:
            self._fresh.extend(handovers)
            self._empty.clear()
            self._added.set()

    async def finish(self) -> None:
        """Wait until nothing is left to hand over, or the session has ended."""
        await self._empty.wait()

    async def run(self) -> None:
        """Hand over what is added, until cancelled; what is left then comes again with the next session."""
        backoff = Backoff(PAUSE_INITIAL_S, PAUSE_MAX_S)
        try:
            while True:
                ended = await self._try(await self._next())
                self._tell_refused(len(self._put_back))
                if not self._put_back:
                    backoff.reset()
                elif time.monotonic() >= self._retry_at_s:
                    self._put_off(backoff.next_pause_s(), ended)
                if not self._put_back and not self._fresh:
                    self._empty.set()
        finally:
            self._tell_refused(0)
            self._empty.set()

    async def _next(self) -> list[H]:
        """Wait for something to try: what is fresh, and what was refused once its pause is over."""
        while True:
            pause_s = self._retry_at_s - time.monotonic()
            if self._put_back and pause_s <= 0:
                tried, self._put_back, self._fresh = self._put_back + self._fresh, [], []
                return tried
            if self._fresh:
                tried, self._fresh = self._fresh, []
                return tried
            self._added.clear()
            await (is_set_within(self._added, pause_s) if self._put_back else self._added.wait())

    async def _try(self, tried: Sequence[H]) -> Mapping[str, str]:
        """Publish all of these once and ack what is confirmed; say for each target that took none how it ended."""
        publications = await self._channel.publish_many(
            [handover.outgoing for handover in tried],
            lambda sent: self._observer.reached(self._steps.sent, (tried[position].key for position in sent)),
        )
        ended = list(zip(tried, publications, strict=True))
        await self._ack([handover for handover, end in ended if end is Publication.CONFIRMED])
        refused = [(handover, end) for handover, end in ended if end is not Publication.CONFIRMED]
        self._put_back += [handover for handover, _ in refused]
        if Publication.UNROUTABLE in publications:
            self._connection.repair()
        return {handover.outgoing.routing_key: end.name.lower() for handover, end in refused}

    def _tell_refused(self, count: int) -> None:
        self.refused = count
        self._observer.handovers_refused(self._steps.name, count)

    def _put_off(self, pause_s: float, ended: Mapping[str, str]) -> None:
        self._retry_at_s = time.monotonic() + pause_s
        _log.warning(
            f"{self._steps.name}_failed",
            waiting=self.refused,
            ended=dict(ended),
            next_try_in_s=round(pause_s, 2),
            keys=[handover.key for handover in self._put_back[:KEYS_LOGGED_MAX]],
        )

    async def _ack(self, confirmed: Sequence[H]) -> None:
        for handover in confirmed:
            if self._on_confirmed is not None:
                self._on_confirmed(handover)
            self._observer.reached(self._steps.confirmed, (handover.key,), handover.outgoing.routing_key)
        lost = await ack_many(confirmed)
        if lost:
            self._observer.acks_lost(lost)
        elif confirmed:
            self._observer.reached(self._steps.acked, (handover.key for handover in confirmed))
