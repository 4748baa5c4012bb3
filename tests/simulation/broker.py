"""A small broker in virtual time: input queues, what is delivered and not settled, retry delays, dead letters, answers.

It does what RabbitMQ does where that matters to the service: at most ``prefetch`` unsettled deliveries for a channel;
a lost session gives all of them back, at the front of their queue; an ack of a delivery that is not ours closes the
session; an event in a retry queue comes back to its source when its delay is over. Queues are apart: there is no
order between them, and which of several consumers gets the next message is a matter of chance.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field, replace

from adapters.rabbitmq.acknowledgement import Acknowledgement
from tests.simulation.accounting import is_in_books
from tests.simulation.faults import Fault
from tests.simulation.gate import Server
from tests.simulation.scheduler import Owner, Signal
from tests.simulation.stage import Stage
from tests.simulation.workload import Sent
from wallet_core import DeadLetter, DeadLetterReason, Subject
from wallet_core.memory import MemoryStore

HEARTBEAT_MS = 20_000
"""How long a process may be frozen before the broker takes its deliveries away."""

AGAIN_MS = 1_000
"""How much later an event goes back that nobody was there to send back."""

LOOK_MS = 5_000
"""How often the broker looks for such processes."""


class ChannelLost(Exception):
    """The session is gone, or the broker is away: nothing more can be settled through it."""


@dataclass(slots=True, eq=False)
class Message:
    """
    One message in a queue.

    ``dead_letter_id`` is drawn when it is first put into a retry queue, and stays. ``has_successor``: a copy of it
    stands in a retry queue or among the dead letters.
    """

    sent: Sent
    attempts: int = 0
    dead_letter_id: str | None = None
    ready_since_ms: int = 0
    has_successor: bool = False

    @property
    def subject(self) -> Subject:
        """What it is about, and so its queue."""
        return self.sent.subject

    def __str__(self) -> str:
        """Name it shortly."""
        return f"#{self.sent.number}" + (f" (attempt {self.attempts})" if self.attempts else "")


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. Two with one id are one: its park was repeated."""

    sent: Sent
    id: str
    reason: DeadLetterReason

    def is_about(self, transaction_id: str) -> bool:
        """Tell whether it is for a person who must settle this transaction's reversal."""
        is_due = self.reason is DeadLetterReason.REVERSAL_SHORTFALL
        return is_due and isinstance(self.sent.message, dict) and self.sent.message["transactionId"] == transaction_id


@dataclass(slots=True, eq=False)
class Arrival:
    """A delivery that has reached a process."""

    message: Message
    tag: int


@dataclass(slots=True, eq=False)
class Session:
    """The three channels of one consumer. ``news`` is fired when something arrives or the session is lost."""

    owner: Owner
    prefetch: int
    is_lost: bool = False
    arrived: deque[Arrival] = field(default_factory=deque)
    unacked: dict[Subject, dict[int, Message]] = field(default_factory=lambda: {subject: {} for subject in Subject})
    tags: dict[Subject, int] = field(default_factory=lambda: dict.fromkeys(Subject, 0))
    news: Signal = field(default_factory=Signal)


class SimulatedBroker:
    """The one broker that all processes share."""

    def __init__(self, server: Server, store: MemoryStore, stage: Stage) -> None:
        """Start with empty queues; ``store`` tells whether an ack is right."""
        self.server = server
        self.owner = Owner(server.name)
        self.dead_letters: list[Letter] = []
        self._ready: dict[Subject, deque[Message]] = {subject: deque() for subject in Subject}
        self._stuck_until_ms: dict[Subject, int] = {}
        self._delayed: list[tuple[int, int, Message]] = []
        self._delayed_ever = self._letters_ever = 0
        self._delayed_anew = Signal()
        self._sessions: list[Session] = []
        self._store = store
        self._stage = stage
        self._scheduler = stage.scheduler

    @property
    def is_empty(self) -> bool:
        """Whether nothing is ready, delayed or unsettled."""
        unacked = any(session.unacked[subject] for session in self._sessions for subject in Subject)
        return not (self._delayed or unacked or any(self._ready.values()))

    def ready(self, subject: Subject) -> int:
        """Count what is ready in a queue, as a passive declaration does."""
        return len(self._ready[subject])

    def waits_since_ms(self, subject: Subject) -> int | None:
        """Give the time since which the first message of a queue is ready, None when there is none."""
        ready = self._ready[subject]
        return ready[0].ready_since_ms if ready else None

    def stick(self, subject: Subject, until_ms: int) -> None:
        """Deliver nothing of a queue for a while, as one that elects a leader: what is ready stays ready."""
        self._stuck_until_ms[subject] = until_ms

    def publish(self, message: Message) -> None:
        """Take a message into its queue."""
        message.ready_since_ms = self._scheduler.now_ms
        self._ready[message.subject].append(message)
        self._deliver(message.subject)

    def draw_letter_id(self) -> str:
        """Give an id that no dead letter has."""
        self._letters_ever += 1
        return f"letter-{self._letters_ever}"

    def park(self, message: Message, delay_ms: int, letter_id: str) -> None:
        """Take a message into a retry queue: its copy comes back with one attempt more."""
        message.has_successor = True
        self._delayed_ever += 1
        copy = Message(message.sent, message.attempts + 1, letter_id)
        heapq.heappush(self._delayed, (self._scheduler.now_ms + delay_ms, self._delayed_ever, copy))
        self._scheduler.fire(self._delayed_anew)

    def set_aside(self, message: Message, letter: DeadLetter, letter_id: str) -> None:
        """Take a message among the dead letters."""
        message.has_successor = True
        self.dead_letters.append(Letter(message.sent, letter_id, letter.reason))

    def open(self, owner: Owner, prefetch: int) -> Session:
        """Begin to consume all input queues."""
        session = Session(owner, prefetch)
        self._sessions.append(session)
        for subject in Subject:
            self._deliver(subject)
        return session

    def lose(self, session: Session) -> None:
        """End a session: all that it has not settled goes back to the front of its queue."""
        if session.is_lost:
            return
        session.is_lost = True
        self._sessions.remove(session)
        for subject, unacked in session.unacked.items():
            self._ready[subject].extendleft(reversed(unacked.values()))
            unacked.clear()
        session.arrived.clear()
        self._scheduler.fire(session.news)
        for subject in Subject:
            self._deliver(subject)

    def lose_all(self) -> None:
        """End every session, as a restart of the broker does."""
        for session in list(self._sessions):
            self.lose(session)

    def ack(self, session: Session, subject: Subject, ack: Acknowledgement) -> None:
        """Forget deliveries. Raises ChannelLost when the session is gone, or goes because of an unknown tag."""
        unacked = session.unacked[subject]
        if session.is_lost or ack.tag not in unacked:
            self.lose(session)
            raise ChannelLost("the broker does not know this delivery")
        for tag in [tag for tag in unacked if tag == ack.tag or (ack.multiple and tag < ack.tag)]:
            message = unacked.pop(tag)
            if not message.has_successor and not is_in_books(message.sent, self._store):
                self._stage.watch.blame(
                    "I8 ack after commit", f"{message} was acked: neither its effect nor a copy is there"
                )
        self._deliver(subject)

    async def run(self) -> None:
        """End delays, and take deliveries away from whoever is frozen for too long."""
        while True:
            now_ms = self._scheduler.now_ms
            while self._delayed and self._delayed[0][0] <= now_ms:
                self._return(heapq.heappop(self._delayed)[2])
            for session in [session for session in self._sessions if _is_silent(session.owner, now_ms)]:
                self._stage.note(self.owner.name, f"no heartbeat from {session.owner.name}")
                self.lose(session)
            for subject in self._stuck_until_ms:
                self._deliver(subject)
            due_ms = self._delayed[0][0] if self._delayed else now_ms + LOOK_MS
            await self._scheduler.wait(self._delayed_anew, min(LOOK_MS, due_ms - now_ms))

    def _return(self, message: Message) -> None:
        """
        Let an event whose delay is over go back to its source.

        A process of ours does that (``waiting_room.py``): it may be that none is there, or that it happens twice.
        """
        now_ms = self._scheduler.now_ms
        if all(session.owner.frozen_until_ms > now_ms for session in self._sessions):
            self._delayed_ever += 1
            heapq.heappush(self._delayed, (now_ms + AGAIN_MS, self._delayed_ever, message))
            return
        fault = self._stage.plan.draw((Fault.TWICE,), now_ms, "what comes back")
        self._stage.note(self.owner.name, f"{message} comes back", fault or "")
        for _ in range(2 if fault else 1):
            self.publish(replace(message))

    def _deliver(self, subject: Subject) -> None:
        ready = self._ready[subject]
        while ready and self._stuck_until_ms.get(subject, 0) <= self._scheduler.now_ms:
            open_for_more = [session for session in self._sessions if len(session.unacked[subject]) < session.prefetch]
            if not open_for_more:
                return
            session = open_for_more[self._stage.choices.below(len(open_for_more), f"who gets {subject.value}")]
            session.tags[subject] += 1
            arrival = Arrival(ready.popleft(), session.tags[subject])
            session.unacked[subject][arrival.tag] = arrival.message
            session.arrived.append(arrival)
            self._scheduler.fire(session.news)


def _is_silent(owner: Owner, now_ms: int) -> bool:
    return owner.frozen_until_ms > now_ms >= owner.frozen_from_ms + HEARTBEAT_MS
