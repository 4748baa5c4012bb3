"""A process of the service: the consumer's loop, its parking and the relay's loop, over ports with faults.

The intake and the relay are the real ones. What ``adapters/rabbitmq/consumer.py``, ``parking.py`` and
``entrypoints/relay.py`` do around them is done here again in virtual time, by the same rules: settle after the commit,
confirm a park before its ack, keep a batch in hand through an outage, give it back after a minute, probe, go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import ClassVar

from adapters.rabbitmq.acknowledgement import Unsettled
from tests.simulation.broker import Arrival, ChannelLost, Session
from tests.simulation.broker_port import BrokerPort, Park
from tests.simulation.scheduler import Owner, Scheduler, Signal
from tests.simulation.store_port import StorePort
from wallet_core import (
    Ack,
    BatchHalted,
    ConcurrentUpdate,
    Delivery,
    Handled,
    Intake,
    Relay,
    Round,
    StoreUnavailable,
    Subject,
)

OUTAGE_MAX_MS = 60_000
HALTED_PARKING_MS = 10_000
PAUSE_FIRST_MS, PAUSE_MAX_MS = 100, 5_000
RELAY_PAUSE_FIRST_MS, RELAY_PAUSE_MAX_MS = 250, 10_000
"""As the consumer and the relay's loop have them, without their jitter: chance comes from the scheduler here."""

POLL_MS = 1_000
"""How often an idle relay looks, and a stopping process looks whether it is done."""

IDLE_MS = 600_000
"""Longest wait for something that fires its signal anyway."""


@dataclass(slots=True, eq=False)
class Hand:
    """What the consumer has in hand in one session: tags that are not acked yet, and parks that wait."""

    session: Session
    unsettled: dict[Subject, Unsettled]
    parks: list[Park] = field(default_factory=list)
    parks_anew: Signal = field(default_factory=Signal)


class WalletProcess:
    """One process, from its start to its death."""

    unsettled_type: ClassVar[type[Unsettled]] = Unsettled

    def __init__(  # noqa: PLR0913 - the ports it joins, each named
        self,
        owner: Owner,
        store: StorePort,
        broker: BrokerPort,
        *,
        intake: Intake,
        relay: Relay,
        scheduler: Scheduler,
        batch_max: int,
        looks_ahead: bool,
    ) -> None:
        """Join the parts; ``start`` begins."""
        self.owner = owner
        self.is_halted = False
        self._store = store
        self._broker = broker
        self._intake = intake
        self._relay = relay
        self._scheduler = scheduler
        self._batch_max = batch_max
        self._looks_ahead = looks_ahead
        self._hand: Hand | None = None
        self._looked_at: list[tuple[Arrival, Delivery]] = []
        self._answers_wait = Signal()
        self.is_in_doubt = False
        self._is_stopping = False
        self._running = 0

    def start(self) -> None:
        """Begin to consume and to publish."""
        self._running = 2
        self._scheduler.spawn(self.owner, self._consume_for_ever())
        self._scheduler.spawn(self.owner, self._relay_for_ever())

    def stop(self) -> None:
        """Take nothing new, finish what is in hand, give the lease back."""
        self._is_stopping = True
        self._scheduler.fire(self._answers_wait)
        if self._hand is not None:
            self._scheduler.fire(self._hand.session.news)

    @property
    def has_ended(self) -> bool:
        """Whether everything has come to its end after ``stop``."""
        return self._running == 0

    async def _consume_for_ever(self) -> None:
        while not self._is_stopping:
            try:
                session = await self._broker.open(3 * self._batch_max)
            except ChannelLost:
                await self._scheduler.pause(POLL_MS)
                continue
            self._hand = Hand(session, {subject: self.unsettled_type() for subject in session.unacked})
            self._scheduler.spawn(self.owner, self._park_for_ever(self._hand))
            has_database = await self._consume(self._hand)
            self._hand = None
            self._broker.close()
            if self.is_halted:
                return
            if not has_database:
                await self._wait_for_database()
        self._running -= 1

    async def _consume(self, hand: Hand) -> bool:
        """One session, until it is lost or we stop; False when the database was away for too long."""
        while True:
            batch = await self._take(hand)
            if not batch:
                return True
            try:
                handled = await self._handle(hand, batch)
            except (StoreUnavailable, ConcurrentUpdate):
                return False
            except BatchHalted as halted:
                await self._halt(hand, batch, halted)
                return True
            await self._settle(hand, batch, handled)

    async def _halt(self, hand: Hand, batch: Sequence[Arrival], halted: BatchHalted) -> None:
        """Settle what has ended, wait for its parks, and do nothing any more."""
        ended = [(arrival, result) for arrival, result in zip(batch, halted.handled, strict=True) if result is not None]
        await self._settle(hand, [arrival for arrival, _ in ended], [result for _, result in ended])
        ends_ms = self._scheduler.now_ms + HALTED_PARKING_MS
        while hand.parks and not hand.session.is_lost and self._scheduler.now_ms < ends_ms:
            await self._scheduler.pause(POLL_MS)
        self.is_halted = True

    async def _take(self, hand: Hand) -> list[Arrival]:
        """Wait for deliveries; none when the session is over. Stopping, wait for the parks first."""
        session = hand.session
        while not session.is_lost and not self._is_stopping:
            if session.arrived:
                return [self._taken(hand) for _ in range(min(self._batch_max, len(session.arrived)))]
            await self._scheduler.wait(session.news, IDLE_MS)
        while self._is_stopping and hand.parks and not session.is_lost:
            await self._scheduler.pause(POLL_MS)
        return []

    def _taken(self, hand: Hand) -> Arrival:
        arrival = hand.session.arrived.popleft()
        hand.unsettled[arrival.message.subject].arrived(arrival.tag)
        return arrival

    async def _handle(self, hand: Hand, batch: Sequence[Arrival]) -> Sequence[Handled]:
        """Hand the batch in until the intake has handled it; nothing when the session is lost meanwhile."""
        looked_at = {id(arrival): delivery for arrival, delivery in self._looked_at}
        deliveries = [looked_at.get(id(arrival), _delivery_of(arrival)) for arrival in batch]
        began_ms, pause_ms = self._scheduler.now_ms, PAUSE_FIRST_MS
        while True:
            try:
                return await self._intake.handle(deliveries, partial(self._look_ahead, hand.session))
            except (StoreUnavailable, ConcurrentUpdate):
                if self._scheduler.now_ms - began_ms >= OUTAGE_MAX_MS:
                    raise
            await self._scheduler.wait(hand.session.news, pause_ms)
            pause_ms = min(PAUSE_MAX_MS, pause_ms * 2)
            if hand.session.is_lost or self._is_stopping:
                return ()

    def _look_ahead(self, session: Session) -> None:
        """Let the next batch be decided, whenever and however long; where it comes too late, nobody needs it."""
        upcoming = list(islice(session.arrived, self._batch_max))
        if self._looks_ahead and upcoming:
            self._looked_at = [(arrival, _delivery_of(arrival)) for arrival in upcoming]
            deliveries = [delivery for _, delivery in self._looked_at]
            self._scheduler.spawn(self.owner, self._intake.look_ahead(deliveries, partial(self._scheduler.pause, 0)))

    async def _settle(self, hand: Hand, batch: Sequence[Arrival], handled: Sequence[Handled]) -> None:
        """Carry out what the intake has decided."""
        self._scheduler.fire(self._answers_wait)
        done = []
        for arrival, result in zip(batch, handled, strict=False):
            if isinstance(result.settlement, Ack):
                done.append(arrival)
            else:
                letter_id = arrival.message.dead_letter_id or self._broker.draw_letter_id()
                hand.parks.append(Park(arrival, result.settlement, letter_id))
        self._scheduler.fire(hand.parks_anew)
        await self._ack(hand, done)

    async def _ack(self, hand: Hand, arrivals: Sequence[Arrival]) -> None:
        for subject, unsettled in hand.unsettled.items():
            tags = [arrival.tag for arrival in arrivals if arrival.message.subject is subject]
            try:
                for ack in unsettled.settle(tags):
                    await self._broker.ack(hand.session, subject, ack)
            except ChannelLost:
                return

    async def _park_for_ever(self, hand: Hand) -> None:
        """Park beside the batches, as long as the session lives."""
        pause_ms = PAUSE_FIRST_MS
        while not hand.session.is_lost:
            if not hand.parks:
                await self._scheduler.wait(hand.parks_anew, POLL_MS)
                continue
            park = hand.parks[0]
            if await self._broker.park(park):
                await self._ack(hand, [park.arrival])
                hand.parks.pop(0)
                pause_ms = PAUSE_FIRST_MS
            else:
                await self._scheduler.pause(pause_ms)
                pause_ms = min(PAUSE_MAX_MS, pause_ms * 2)

    async def _wait_for_database(self) -> None:
        pause_ms = PAUSE_FIRST_MS
        while not self._is_stopping:
            await self._scheduler.pause(pause_ms)
            pause_ms = min(PAUSE_MAX_MS, pause_ms * 2)
            try:
                await self._store.probe()
            except (StoreUnavailable, ConcurrentUpdate):
                continue
            return

    async def _relay_for_ever(self) -> None:
        pause_ms = RELAY_PAUSE_FIRST_MS
        while not self._is_stopping:
            done = await self._round()
            if done is None or done.unpublished:
                await self._scheduler.pause(pause_ms)
                pause_ms = min(RELAY_PAUSE_MAX_MS, pause_ms * 2)
                continue
            pause_ms = RELAY_PAUSE_FIRST_MS
            if not done.published:
                await self._scheduler.wait(self._answers_wait, POLL_MS)
        await self._finish_relay()
        self._running -= 1

    async def _round(self) -> Round | None:
        """Do one round of the relay; None when the store is away: what it has published is in doubt then."""
        self.is_in_doubt = True
        try:
            done = await self._relay.publish_pending()
        except StoreUnavailable:
            return None
        self.is_in_doubt = False
        return done

    async def _finish_relay(self) -> None:
        """Publish what can be published, and give the lease back."""
        await self._round()
        try:
            await self._relay.stop()
            self.is_in_doubt = False
        except StoreUnavailable:
            return


def _delivery_of(arrival: Arrival) -> Delivery:
    sent = arrival.message.sent
    return Delivery(sent.subject, sent.message, arrival.message.attempts, arrival.message.dead_letter_id)
