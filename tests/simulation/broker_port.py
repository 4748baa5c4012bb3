"""The way of one process to the broker: deliveries, acks, parks, answers and the look at the signups, with faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.rabbitmq.acknowledgement import Acknowledgement
from tests.simulation.broker import Arrival, ChannelLost, Session, SimulatedBroker
from tests.simulation.faults import ANYWHERE, DONE_UNKNOWN, SLOW_MS, Fault
from tests.simulation.gate import Gate
from tests.simulation.scheduler import Owner
from tests.simulation.store_port import StorePort
from tests.simulation.watch import Watch
from tests.simulation.workload import shortly
from wallet_core import DeadLetter, RetryAfter, Subject, TransactionFinalized

CALL = (*ANYWHERE, *DONE_UNKNOWN)
PUBLISH = (*CALL, Fault.TWICE, Fault.OVERSLEPT)
PARK = (*CALL, Fault.TWICE, Fault.LATE)

YOUNG_MS = 60_000
"""How long a process is too young to know that no signup will come."""


@dataclass(frozen=True, slots=True)
class Park:
    """A delivery and what takes its place. Made once: all tries of one park carry the same id."""

    arrival: Arrival
    settlement: RetryAfter | DeadLetter
    letter_id: str

    def __str__(self) -> str:
        """Say it for the trace."""
        match self.settlement:
            case RetryAfter(delay_ms):
                return f"broker.park {self.arrival.message} for {delay_ms / 1_000:g} s"
            case DeadLetter(reason):
                return f"broker.park {self.arrival.message} as {self.letter_id}: {reason.value}"


class BrokerPort:
    """One process's way to the broker; is EventBus for its relay and LateSignups for its intake."""

    def __init__(self, broker: SimulatedBroker, gate: Gate, owner: Owner, store: StorePort, watch: Watch) -> None:
        """Lead ``owner`` through ``gate``; its life begins now. ``store`` knows whether it was told to publish."""
        self.session: Session | None = None
        self._broker = broker
        self._gate = gate
        self._owner = owner
        self._looked_ms: int | None = None
        self._born_ms = gate.scheduler.now_ms
        self._store = store
        self._watch = watch

    async def open(self, prefetch: int) -> Session:
        """Begin to consume. Raises ChannelLost."""

        async def do() -> Session:
            self.session = self._broker.open(self._owner, prefetch)
            return self.session

        return await self._gate.call("broker.consume", do, ANYWHERE)

    def close(self) -> None:
        """End the session: what is unsettled goes back."""
        if self.session is not None:
            self._broker.lose(self.session)
            self.session = None

    async def ack(self, session: Session, subject: Subject, ack: Acknowledgement) -> None:
        """Settle deliveries. Raises ChannelLost; then the session is gone."""

        async def do() -> None:
            self._broker.ack(session, subject, ack)

        name = f"broker.ack {subject.value} {'up to ' if ack.multiple else ''}{ack.tag}"
        try:
            await self._gate.call(name, do, CALL)
        except ChannelLost:
            self._broker.lose(session)
            raise

    def draw_letter_id(self) -> str:
        """Give an id for a dead letter."""
        return self._broker.draw_letter_id()

    async def park(self, park: Park) -> bool:
        """Put a copy into a retry queue or among the dead letters; tell whether the broker has confirmed it."""
        try:
            fault = await self._gate.before(str(park), PARK)
            self._gate.note(str(park), fault)
            if fault is Fault.LATE:
                self._gate.scheduler.spawn(self._broker.owner, self._park_later(park))
                await self._gate.after(Fault.REPLY_LOST)
            for _ in range(2 if fault is Fault.TWICE else 1):
                self._park_now(park)
            await self._gate.after(fault)
        except ChannelLost:
            return False
        return True

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """Publish each answer by itself; see ``ports.EventBus.publish_many``."""
        ids = [answer.transaction_id for answer in answers]
        if len(set(ids)) < len(ids):
            self._watch.blame("I4 one at a time", f"two answers of one transaction are in one call: {ids}")
        return [await self._publish(answer) for answer in answers]

    async def may_come(self) -> bool:
        """Tell whether a signup may be on its way."""
        session = self.session
        if session is None or self._gate.scheduler.now_ms - self._born_ms < YOUNG_MS:
            return True

        async def do() -> bool:
            self._looked_ms = self._gate.scheduler.now_ms
            if session.is_lost or self._broker.ready(Subject.SIGNUP):
                return True
            return any(arrival.message.subject is Subject.SIGNUP for arrival in session.arrived)

        try:
            return await self._gate.call("broker.look at the signups", do, ANYWHERE, str)
        except ChannelLost:
            return True

    def check_end_of_wait(self) -> None:
        """Blame a wait for signups that has ended although one stood in the queue when we looked."""
        since_ms, looked_ms = self._broker.waits_since_ms(Subject.SIGNUP), self._looked_ms
        if since_ms is not None and (looked_ms is None or since_ms < looked_ms):
            self._watch.blame("I3 late signups", f"{self._owner.name} refuses while a signup waits since {since_ms} ms")

    async def _publish(self, answer: TransactionFinalized) -> bool:
        async def do() -> None:
            store = self._store
            if not store.is_holder:
                self._watch.blame(
                    "I4 one relay", f"{self._owner.name} publishes and was not told that it has the lease"
                )
            self._watch.answered(answer, store.holder, is_late=store.has_lost_lease)

        name = f"broker.publish {shortly(answer.transaction_id)} revision {answer.revision}: {answer.status.value}"
        try:
            await self._gate.call(name, do, PUBLISH)
        except ChannelLost:
            return False
        return True

    def _park_now(self, park: Park) -> None:
        if isinstance(park.settlement, RetryAfter):
            self._broker.park(park.arrival.message, park.settlement.delay_ms, park.letter_id)
        else:
            self._broker.set_aside(park.arrival.message, park.settlement, park.letter_id)

    async def _park_later(self, park: Park) -> None:
        await self._gate.linger(SLOW_MS)
        self._park_now(park)
