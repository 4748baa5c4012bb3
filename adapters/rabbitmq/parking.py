"""Parking: messages that go into a retry queue or the dead-letter queue, confirmed there before they are acked here.

Parks run beside the batches: a broker that takes no message for a while (memory alarm) does not stop the acks of the
others. What the broker has not confirmed stays unacked and is tried again, with back-off, as long as the session
lives; when it ends, its deliveries come again anyway. A park whose end is unknown may be there twice then: its
transaction id makes that harmless.

Bounds: what waits here is unsettled, so there is never more of it than the prefetch of the queues.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import structlog
from structlog.typing import FilteringBoundLogger

from adapters.rabbitmq.arrivals import Arrival
from adapters.rabbitmq.backoff import Backoff
from adapters.rabbitmq.codec import dead_letter_properties, provenance_of, retry_properties
from adapters.rabbitmq.confirms import ConfirmedChannel, Outgoing, Publication
from adapters.rabbitmq.observer import Observer
from adapters.rabbitmq.publisher import PublishingConnection
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE, retry_queue
from wallet_core.intake import Handled
from wallet_core.messages import Subject
from wallet_core.ports import Clock
from wallet_core.settlement import DeadLetter, RetryAfter

PAUSE_INITIAL_S = 0.2
PAUSE_MAX_S = 10.0
"""First and longest pause between two tries, seconds."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Park:
    """A delivery and the message that takes its place. Made once: all tries of one park carry the same id."""

    arrival: Arrival
    settlement: RetryAfter | DeadLetter
    outgoing: Outgoing


def park_of(arrival: Arrival, settlement: RetryAfter | DeadLetter, clock: Clock) -> Park:
    """Write the message that takes the place of a delivery."""
    received, source = arrival.received, arrival.channel.queue.name
    properties = received.header.properties
    provenance = provenance_of(properties.headers, source, received.routing_key or source, clock.now())
    if isinstance(settlement, RetryAfter):
        target, parked = retry_queue(source, settlement.delay_ms), retry_properties(properties, provenance)
    else:
        reason = settlement.reason.value
        target = DEAD_LETTER_QUEUE
        parked = dead_letter_properties(properties, provenance, str(uuid4()), reason, settlement.detail)
    return Park(arrival, settlement, Outgoing("", target, received.body, parked))


def log_park(arrival: Arrival, handled: Handled, settlement: RetryAfter | DeadLetter) -> None:
    """Log that an event will be parked, under its id; never its content."""
    subject, outcome = arrival.delivery.subject, handled.outcome.kind.value
    id_name = "user_id" if subject is Subject.SIGNUP else "transaction_id"
    log = _log.bind(
        **{id_name: handled.key}, subject=subject.value, attempts=arrival.delivery.attempts, outcome=outcome
    )
    if isinstance(settlement, RetryAfter):
        log.info("event_waits", delay_ms=settlement.delay_ms)
    else:
        log.warning("event_dead_lettered", reason=settlement.reason.value)


class Parking:
    """Parks the deliveries of one session."""

    def __init__(self, connection: PublishingConnection, channel: ConfirmedChannel, observer: Observer) -> None:
        """Publish through ``channel``, which is one of ``connection``. ``run`` must run while the session lives."""
        self._connection = connection
        self._channel = channel
        self._observer = observer
        self._waiting: list[Park] = []
        self._added = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, parks: Sequence[Park]) -> None:
        """Take these over; they are acked once they are confirmed."""
        if parks:
            self._waiting.extend(parks)
            self._empty.clear()
            self._added.set()

    async def wait_empty(self) -> None:
        """Wait until nothing waits to be parked."""
        await self._empty.wait()

    def abandon(self) -> None:
        """Wait for nothing any more: the session has ended, and what was not parked comes again."""
        self._waiting.clear()
        self._empty.set()

    async def run(self) -> None:
        """Park what is added, until cancelled."""
        backoff = Backoff(PAUSE_INITIAL_S, PAUSE_MAX_S)
        while True:
            await self._added.wait()
            self._added.clear()
            if await self._park_waiting():
                backoff.reset()
                continue
            pause_s = backoff.next_pause_s()
            _log.warning("parking_failed", waiting=len(self._waiting), next_try_in_s=round(pause_s, 2))
            await asyncio.sleep(pause_s)
            self._added.set()

    async def _park_waiting(self) -> bool:
        """Try all that waits, once; tell whether nothing of it was left."""
        parks, self._waiting = self._waiting, []
        publications = await self._channel.publish_many([park.outgoing for park in parks])
        confirmed: list[Park] = []
        failed: list[Park] = []
        for park, publication in zip(parks, publications, strict=True):
            (confirmed if publication is Publication.CONFIRMED else failed).append(park)
        self._waiting = failed + self._waiting
        await self._ack(confirmed)
        if Publication.UNROUTABLE in publications:
            self._connection.repair()
        if not self._waiting:
            self._empty.set()
        return not failed

    async def _ack(self, parks: Sequence[Park]) -> None:
        for park in parks:
            self._observer.parked(park.arrival.delivery.subject, park.settlement)
        lost = await ack_many([park.arrival for park in parks])
        if lost:
            self._observer.acks_lost(lost)


async def ack_many(arrivals: Sequence[Arrival]) -> int:
    """Ack deliveries, each on its channel; give how many came too late."""
    lost = 0
    for channel in dict.fromkeys(arrival.channel for arrival in arrivals):
        lost += await channel.ack([arrival.tag for arrival in arrivals if arrival.channel is channel])
    return lost
