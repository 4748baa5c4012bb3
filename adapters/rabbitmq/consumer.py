"""The consumer: what has arrived goes to the intake in batches, and each delivery is settled as the intake says.

::

    connect -> declare the topology -> consume -> [ take -> handle -> ack / park ]* -> until anything is lost -> again

When do we acknowledge? After the intake has returned, so after the commit: an ``Ack`` at once, a ``RetryAfter`` or
``DeadLetter`` once the broker has confirmed what takes its place (``parking.py``; back again: ``waiting_room.py``).

=============================  =====================================================================================
the database is away           nothing is settled: pause, hand the same batch in again; after OUTAGE_MAX_S the
                               channels are closed, so that the deliveries go back once; probe; then consume again
the broker is away             everything delivered is forgotten (it comes again); reconnect without end
consumption is halted          what has ended is settled, the rest goes back; a person must restart us
``stop``                       take nothing new, finish the batch in hand and its parks, close: within a grace time
=============================  =====================================================================================
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial

import structlog
from aio_pika.abc import AbstractConnection
from structlog.typing import FilteringBoundLogger

from adapters.rabbitmq.arrivals import Arrival, InputSession
from adapters.rabbitmq.backoff import Backoff
from adapters.rabbitmq.connection import described, keep_connected
from adapters.rabbitmq.consumed_queue import ack_many
from adapters.rabbitmq.consumer_status import ConsumerStatus
from adapters.rabbitmq.handover import Handovers
from adapters.rabbitmq.late_signups import LateSignupWatch
from adapters.rabbitmq.observer import Observer, SilentObserver
from adapters.rabbitmq.parking import Park, log_park, park_of, parking
from adapters.rabbitmq.publisher import PublishingConnection
from adapters.rabbitmq.steps import BrokerStep
from adapters.rabbitmq.topology import Topology
from adapters.rabbitmq.waiting_room import WaitingRoom
from wallet_core.errors import ConcurrentUpdate, StoreUnavailable
from wallet_core.intake import BatchHalted, Delivery, Handled, Intake
from wallet_core.ports import Clock
from wallet_core.settlement import Ack, DeadLetter, RetryAfter

OUTAGE_MAX_S = 60.0
"""How long a batch waits in hand for the database, seconds, before the deliveries go back."""

HALTED_PARKING_S = 10.0
"""How long a consumption that halts waits for its last dead letters to be confirmed, seconds; else they come again."""

OUTAGE_PAUSE_INITIAL_S = 0.1
OUTAGE_PAUSE_MAX_S = 5.0
"""First and longest pause between two tries during an outage, seconds."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Consumption:
    """
    How to consume. ``prefetch`` counts for each queue and is at least ``batch_max``; see OUTAGE_MAX_S.

    Defaults by measurement (``docs/performance.md``): a larger batch is hardly faster. Of three batches one is in
    hand, one is decided meanwhile (``Intake.look_ahead``), and one arrives.
    """

    batch_max: int = 3_000
    prefetch: int = 9_000
    outage_max_s: float = OUTAGE_MAX_S

    def __post_init__(self) -> None:
        """Check the bounds. Raises ValueError."""
        if not 1 <= self.batch_max <= self.prefetch:
            raise ValueError(f"prefetch {self.prefetch} is less than batch_max {self.batch_max}: raise it")


class _Ending(Enum):
    """Why a session ended that was not lost."""

    OUTAGE = auto()
    HALTED = auto()


class _Stopped(Exception):
    """We were asked to stop while a batch waited for the database, or after a session was lost."""


class Consumer:
    """Consumes the input queues. ``run`` must run; ``stop`` ends it."""

    def __init__(  # noqa: PLR0913 - the ports it joins, each named
        self,
        url: str,
        *,
        intake: Intake,
        probe: Callable[[], Awaitable[None]],
        publishing: PublishingConnection,
        late_signups: LateSignupWatch,
        clock: Clock,
        topology: Topology,
        consumption: Consumption,
        observer: Observer | None = None,
    ) -> None:
        """Join the parts. ``probe`` commits an empty unit of work, raises StoreUnavailable. ``url`` is never logged."""
        self._url = url
        self._intake = intake
        self._probe = probe
        self._publishing = publishing
        self._parking_channel = publishing.channel()
        self._returning_channel = publishing.channel()
        self._late_signups = late_signups
        self._clock = clock
        self._topology = topology
        self._consumption = consumption
        self._observer = observer or SilentObserver()
        self._status = ConsumerStatus(connected=False, consuming=False, halted=False, reason="not started")
        self._session: InputSession | None = None
        self._handing_over: tuple[Handovers[Park] | WaitingRoom, ...] = ()
        self._batch_in_hand = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._grace_s = 0.0

    @property
    def status(self) -> ConsumerStatus:
        """What we are doing, for readiness."""
        return replace(self._status, refused=sum(handing.refused for handing in self._handing_over))

    async def run(self) -> None:
        """Consume until ``stop``. Raises only what is a defect of ours."""
        self._ended.clear()
        consuming = asyncio.ensure_future(self._consume_for_ever())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({consuming, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not consuming.done():
                await self._finish_in_hand()
        finally:
            stopping.cancel()
            consuming.cancel()
            await asyncio.wait({consuming, stopping})
            await asyncio.gather(self._parking_channel.close(), self._returning_channel.close())
            self._status = replace(self._status, connected=False, consuming=False, reason="stopped")
            self._ended.set()
        if not consuming.cancelled():
            consuming.result()

    async def stop(self, grace_s: float) -> None:
        """Take nothing new and finish what is in hand, at most ``grace_s`` seconds; the rest returns to the broker."""
        self._grace_s = grace_s
        self._stopping.set()
        await self._ended.wait()

    async def _finish_in_hand(self) -> None:
        try:
            async with asyncio.timeout(self._grace_s):
                if self._session is not None:
                    await self._session.cancel()
                async with self._batch_in_hand:
                    await asyncio.gather(*(handing.finish() for handing in self._handing_over))
        except TimeoutError:
            _log.warning("consumer_grace_over", grace_s=self._grace_s)

    async def _consume_for_ever(self) -> None:
        while True:
            try:
                ending = await keep_connected(self._url, "consumer", self._consume, self._observer, self._on_away)
            except _Stopped:
                return
            if ending is _Ending.HALTED:
                await asyncio.Event().wait()
            await self._wait_for_database()

    async def _consume(self, connection: AbstractConnection) -> _Ending:
        """One session, from the topology to its end. Raises one of BROKER_ERRORS when it is lost, and _Stopped."""
        if self._stopping.is_set():
            raise _Stopped
        await self._topology.declare(connection, self._observer)
        session = InputSession()
        parks = parking(self._publishing, self._parking_channel, self._observer)
        room = WaitingRoom(session, self._publishing, self._returning_channel, self._clock, self._observer)
        try:
            session.begin(parks.run(), "parking")
            await room.open(connection, await self._topology.held_queues(connection))
            await session.open(connection, self._consumption.prefetch, self._topology.input_queues())
            self._session, self._handing_over = session, (parks, room)
            self._late_signups.watch(session)
            self._status = ConsumerStatus(connected=True, consuming=True, halted=False, reason=None)
            _log.info("consumer_started", prefetch=self._consumption.prefetch)
            return await self._handle_for_ever(session, parks)
        finally:
            self._late_signups.watch(None)
            self._session, self._handing_over = None, ()
            self._status = replace(self._status, consuming=False)
            await session.close()

    async def _handle_for_ever(self, session: InputSession, parks: Handovers[Park]) -> _Ending:
        while True:
            batch = await session.take(self._consumption.batch_max)
            self._observer.reached(BrokerStep.TAKEN)
            async with self._batch_in_hand:
                try:
                    handled = await self._handle(session, batch)
                except BatchHalted as halted:
                    await self._halt(batch, halted, parks)
                    return _Ending.HALTED
                except (StoreUnavailable, ConcurrentUpdate) as error:
                    _log.error("database_away", error=str(error), deliveries_go_back=len(batch))
                    return _Ending.OUTAGE
                await self._settle(batch, handled, parks)

    async def _handle(self, session: InputSession, batch: Sequence[Arrival]) -> tuple[Handled, ...]:
        """Hand the batch in until the intake has handled it. Raises what ends the session."""
        deliveries = [arrival.delivery for arrival in batch]
        backoff = Backoff(OUTAGE_PAUSE_INITIAL_S, OUTAGE_PAUSE_MAX_S)
        began_at_s = time.monotonic()
        while True:
            try:
                handled = await self._hand_in(session, deliveries)
            except (StoreUnavailable, ConcurrentUpdate) as error:
                if time.monotonic() - began_at_s >= self._consumption.outage_max_s:
                    raise
                pause_s = backoff.next_pause_s()
                self._status = replace(self._status, reason=f"the database is away: {error}")
                _log.warning(
                    "batch_waits_for_database", size=len(batch), error=str(error), next_try_in_s=round(pause_s, 2)
                )
                await self._pause(session, pause_s)
            else:
                self._status = replace(self._status, reason=None)
                self._observer.reached(BrokerStep.COMMITTED, (result.key for result in handled))
                self._observer.batch_handled(len(batch), time.monotonic() - began_at_s)
                return handled

    async def _hand_in(self, session: InputSession, deliveries: Sequence[Delivery]) -> tuple[Handled, ...]:
        """Hand the batch in; where the next one is here as a whole, let it be decided meanwhile."""
        looking: list[asyncio.Task[None]] = []

        def look_ahead() -> None:
            upcoming = session.whole_batch(self._consumption.batch_max)
            if upcoming and not looking:
                task = asyncio.ensure_future(self._intake.look_ahead(upcoming, partial(asyncio.sleep, 0)))
                task.add_done_callback(_tell_defect)
                looking.append(task)

        try:
            return await self._intake.handle(deliveries, look_ahead)
        finally:
            for task in looking:
                task.cancel()

    async def _halt(self, batch: Sequence[Arrival], halted: BatchHalted, parks: Handovers[Park]) -> None:
        """Settle what has ended, so that the next start does not come to a stop at the same events; tell a person."""
        _log.critical("consumption_halted", error=str(halted))
        ended = [(arrival, result) for arrival, result in zip(batch, halted.handled, strict=True) if result is not None]
        await self._settle([arrival for arrival, _ in ended], [result for _, result in ended], parks)
        await asyncio.wait({asyncio.ensure_future(parks.finish())}, timeout=HALTED_PARKING_S)
        self._status = ConsumerStatus(connected=False, consuming=False, halted=True, reason=str(halted))

    async def _pause(self, session: InputSession, pause_s: float) -> None:
        """Wait, but not for a lost session, nor against a stop. Raises SessionLost, _Stopped."""
        lost = asyncio.ensure_future(session.wait_lost(pause_s))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({lost, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._stopping.is_set():
            lost.cancel()
            raise _Stopped
        lost.result()

    async def _settle(self, batch: Sequence[Arrival], handled: Sequence[Handled], parks: Handovers[Park]) -> None:
        """Carry out what the intake has decided."""
        parked: list[Park] = []
        done: list[Arrival] = []
        for arrival, result in zip(batch, handled, strict=True):
            self._observer.event_handled(arrival.delivery.subject, result)
            match result.settlement:
                case Ack():
                    done.append(arrival)
                case RetryAfter() | DeadLetter() as settlement:
                    log_park(arrival, result, settlement)
                    parked.append(park_of(arrival, result.key, settlement, self._clock))
        parks.add(parked)
        if done:
            await self._ack(done, (result.key for result in handled if isinstance(result.settlement, Ack)))

    async def _ack(self, done: Sequence[Arrival], keys: Iterable[str | None]) -> None:
        self._observer.reached(BrokerStep.BEFORE_ACK)
        lost = await ack_many(done)
        if lost:
            self._observer.acks_lost(lost)
            _log.warning("acks_lost", count=lost)
        else:
            self._observer.reached(BrokerStep.ACKED, keys)

    async def _wait_for_database(self) -> None:
        """Probe until the database commits again."""
        backoff = Backoff(OUTAGE_PAUSE_INITIAL_S, OUTAGE_PAUSE_MAX_S)
        while True:
            self._status = ConsumerStatus(
                connected=False, consuming=False, halted=False, reason="the database is away; deliveries went back"
            )
            await asyncio.sleep(backoff.next_pause_s())
            try:
                await self._probe()
            except (StoreUnavailable, ConcurrentUpdate) as error:
                _log.warning("database_still_away", error=str(error))
            else:
                return

    def _on_away(self, reason: str) -> None:
        self._status = ConsumerStatus(connected=False, consuming=False, halted=False, reason=reason)


def _tell_defect(looked: asyncio.Task[None]) -> None:
    """Say why looking ahead has failed. It costs time and nothing else, so the consumption goes on."""
    if not looked.cancelled() and (error := looked.exception()) is not None:
        _log.error("look_ahead_failed", error=described(error), exc_info=error)
