"""A broker in memory: what arrives, what waits in a retry delay, what is set aside, and what we have published.

Delivery is at least once, as a real broker's: a batch stays in the queue until the intake has settled it, and comes
again when an ack is lost.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from wallet_core.body import answer_body
from wallet_core.commands import DeadLetterReason, SetAside
from wallet_core.events import TransactionFinalized
from wallet_core.intake import BatchHalted, Delivery, Handled, Intake
from wallet_core.messages import FINALIZED_KEY, Message, Subject, message_id_of
from wallet_core.ports import Clock
from wallet_core.settlement import Ack, DeadLetter, RetryAfter


@dataclass(frozen=True, slots=True)
class Published:
    """One of our messages, as a subscriber gets it; ``body`` is its JSON, and ``answer`` what that says."""

    message_id: str
    routing_key: str
    body: bytes
    answer: TransactionFinalized


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """A delivery that was set aside ``at`` an instant; ``detail`` is for the person who looks at it."""

    delivery: Delivery
    reason: DeadLetterReason
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery in a retry queue: it comes back at ``due_at``, with the attempt counted."""

    delivery: Delivery
    due_at: datetime


class MemoryBus:
    """
    The broker's side in memory: EventBus for the relay, LateSignups for the intake, and the queues.

    ``published`` and ``dead_letters`` hold what went out and what was set aside, in order, and nothing removes it.
    """

    def __init__(self, clock: Clock) -> None:
        """Start with empty queues; ``clock`` ends the retry delays. Set ``is_away``, and nothing is published."""
        self.is_away = False
        self.published: list[Published] = []
        self.dead_letters: list[DeadLettered] = []
        self._clock = clock
        self._ready: deque[Delivery] = deque()
        self._waiting: list[tuple[datetime, int, Delivery]] = []
        self._parked_ever = 0
        self._taken = 0
        self._acks_to_lose = 0

    def send(self, subject: Subject, message: Message | SetAside) -> None:
        """Queue one event, as a neighbour's publish does; SetAside when its bytes could not be read."""
        self._ready.append(Delivery(subject, message))

    async def consume(
        self, intake: Intake, batch_max: int = 500, on_handled: Callable[[Delivery, Handled], None] | None = None
    ) -> Sequence[Handled]:
        """
        Handle what is ready now, at most ``batch_max``, and tell ``on_handled`` about each.

        Raises what the intake raises; then all stays queued that has not ended.
        """
        self._end_delays()
        batch = [self._ready[position] for position in range(min(batch_max, len(self._ready)))]
        self._taken = len(batch)
        try:
            handled = await intake.handle(batch)
        except BatchHalted as halted:
            self._settle_many(batch, halted.handled, on_handled)
            raise
        finally:
            self._taken = 0
        self._settle_many(batch, handled, on_handled)
        return handled

    def next_due_at(self) -> datetime | None:
        """Give the instant at which something is ready: now, the end of the first delay, or None when all is empty."""
        if self._ready:
            return self._clock.now()
        return self._waiting[0][0] if self._waiting else None

    def waiting(self) -> Sequence[Waiting]:
        """Give what stands in the retry queues, in the order in which it comes back."""
        return [Waiting(delivery, due_at) for due_at, _, delivery in sorted(self._waiting)]

    def lose_next_ack(self) -> None:
        """Lose the ack of the next delivery that is settled: whatever was done is done, and it comes again at once."""
        self._acks_to_lose += 1

    async def may_come(self) -> bool:
        """Tell whether a signup waits in the queue that the batch in hand has not taken: those come first anyway."""
        return any(delivery.subject is Subject.SIGNUP for delivery in islice(self._ready, self._taken, None))

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """Publish to ``published``, or nothing while the bus is away."""
        if self.is_away:
            return [False] * len(answers)
        self.published.extend(
            Published(message_id_of(answer), FINALIZED_KEY, answer_body(answer), answer) for answer in answers
        )
        return [True] * len(answers)

    def _end_delays(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._clock.now():
            self._ready.append(heapq.heappop(self._waiting)[2])

    def _settle_many(
        self,
        batch: Sequence[Delivery],
        handled: Sequence[Handled | None],
        on_handled: Callable[[Delivery, Handled], None] | None,
    ) -> None:
        """Settle what stands at the front of the queue; what has not ended, or whose ack is lost, stays there."""
        for _ in batch:
            self._ready.popleft()
        left = []
        for delivery, result in zip(batch, handled, strict=True):
            if result is None:
                left.append(delivery)
                continue
            self._settle(delivery, result)
            if self._acks_to_lose:
                self._acks_to_lose -= 1
                left.append(delivery)
            if on_handled is not None:
                on_handled(delivery, result)
        self._ready.extendleft(reversed(left))

    def _settle(self, delivery: Delivery, handled: Handled) -> None:
        match handled.settlement:
            case Ack():
                return
            case RetryAfter(delay_ms):
                self._parked_ever += 1
                due_at = self._clock.now() + timedelta(milliseconds=delay_ms)
                letter_id = delivery.dead_letter_id or f"letter-{self._parked_ever}"
                waiting = replace(delivery, attempts=delivery.attempts + 1, dead_letter_id=letter_id)
                heapq.heappush(self._waiting, (due_at, self._parked_ever, waiting))
            case DeadLetter(reason, detail):
                self.dead_letters.append(DeadLettered(delivery, reason, detail, self._clock.now()))
