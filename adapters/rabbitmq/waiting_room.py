"""The waiting room: events in the retry queues are held until their delay is over, then go back to their source.

::

    wallet.retry.<source>.<ms> -- held, unacked --> published to <source>, confirmed --> acked

The broker could do this alone (time to live and dead-lettering), and would lose an event when it is killed while it
moves it: on a classic queue it confirms nothing to itself. So we move them, as ``handover.py`` does: an event leaves
its retry queue only when its source has it. A killed process, or a lost connection, gives back all that it holds; a
header says since when each has waited, so it does not wait again.

An event goes back through the default exchange straight to its queue: through ``transaction.events`` a copy would
reach other services too. It is held by the clock on the wall of whoever parked it, but never longer than its delay.

Bounds: HELD_MAX events of each retry queue; the others wait at the broker. A queue is first in, first out, and all in
it wait equally long: nobody behind those that are held is due before them.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count

from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage

from adapters.rabbitmq.arrivals import InputSession
from adapters.rabbitmq.codec import parked_at_of, provenance_of, return_properties
from adapters.rabbitmq.confirms import ConfirmedChannel
from adapters.rabbitmq.consumed_queue import ConsumedQueue
from adapters.rabbitmq.handover import Handover, Handovers, HandoverSteps
from adapters.rabbitmq.observer import Observer
from adapters.rabbitmq.patience import is_set_within
from adapters.rabbitmq.publisher import PublishingConnection
from adapters.rabbitmq.steps import BrokerStep
from adapters.rabbitmq.topology import RetryQueue
from adapters.rabbitmq.wave import Outgoing
from wallet_core.ports import Clock

HELD_MAX = 500
"""
Most events of one retry queue that are held: one wave of ``confirms.py``. More would not go back faster, and at 64 KiB
each these are 32 MiB.
"""

RETURNING = HandoverSteps("returning", BrokerStep.RETURN_SENT, BrokerStep.RETURNED, BrokerStep.RETURN_ACKED)


def remaining_s(delay_ms: int, parked_at: datetime | None, now: datetime) -> float:
    """
    Say how long an event that comes out of its retry queue ``now`` is still to be held, seconds.

    Never less than 0 nor more than its delay, whatever the clocks say; all of it when nobody knows since when it waits.
    """
    delay_s = delay_ms / 1_000
    if parked_at is None:
        return delay_s
    return min(max(delay_s - (now - parked_at).total_seconds(), 0.0), delay_s)


@dataclass(frozen=True, slots=True, order=True)
class _Held:
    """An event that waits. ``due_at_s`` is time of the event loop; ``number`` keeps equal ones in order."""

    due_at_s: float
    number: int
    retry_queue: RetryQueue = field(compare=False)
    queue: ConsumedQueue = field(compare=False)
    tag: int = field(compare=False)
    message: DeliveredMessage = field(compare=False)


class WaitingRoom:
    """Holds the events of one session's retry queues. ``open`` begins."""

    def __init__(
        self,
        session: InputSession,
        publishing: PublishingConnection,
        channel: ConfirmedChannel,
        clock: Clock,
        observer: Observer,
    ) -> None:
        """Consume in ``session``; publish through ``channel``, which is one of ``publishing``."""
        self._session = session
        self._clock = clock
        self._returns: Handovers[Handover] = Handovers(RETURNING, publishing, channel, observer)
        self._held: list[_Held] = []
        self._numbers = count()
        self._wake = asyncio.Event()
        self._finishing = False

    @property
    def refused(self) -> int:
        """Count the events whose delay is over and that their source does not take."""
        return self._returns.refused

    async def open(self, connection: AbstractConnection, retry_queues: Sequence[RetryQueue]) -> None:
        """Hold what waits in these queues until the session is closed. Raises one of BROKER_ERRORS."""
        self._session.begin(self._returns.run(), "returning")
        self._session.begin(self._call_up(), "waiting room")
        opened = await asyncio.gather(
            *(
                self._session.consume(connection, queue.name, HELD_MAX, partial(self._hold, queue))
                for queue in retry_queues
            ),
            return_exceptions=True,
        )
        for error in opened:
            if error is not None:
                raise error

    async def finish(self) -> None:
        """Send nobody back any more, and wait for those that are on their way."""
        self._finishing = True
        await self._returns.finish()

    def _hold(self, retry_queue: RetryQueue, queue: ConsumedQueue, tag: int, message: DeliveredMessage) -> None:
        parked_at = parked_at_of(message.header.properties.headers)
        wait_s = remaining_s(retry_queue.delay_ms, parked_at, self._clock.now())
        held = _Held(asyncio.get_running_loop().time() + wait_s, next(self._numbers), retry_queue, queue, tag, message)
        heapq.heappush(self._held, held)
        if self._held[0] is held:
            self._wake.set()

    async def _call_up(self) -> None:
        """Send back whoever is due, until cancelled."""
        while not self._finishing:
            self._wake.clear()
            now_s = asyncio.get_running_loop().time()
            due: list[Handover] = []
            while self._held and self._held[0].due_at_s <= now_s:
                due.append(self._return(heapq.heappop(self._held)))
            self._returns.add(due)
            await (is_set_within(self._wake, self._held[0].due_at_s - now_s) if self._held else self._wake.wait())

    def _return(self, held: _Held) -> Handover:
        source, properties = held.retry_queue.source, held.message.header.properties
        provenance = provenance_of(properties.headers, source, source, self._clock.now())
        outgoing = Outgoing("", source, held.message.body, return_properties(properties, provenance))
        return Handover(held.queue, held.tag, None, outgoing)
