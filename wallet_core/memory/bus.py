"""A broker in memory: what arrives, what waits in a retry delay, what is set aside, and what we have published.

Delivery is at least once, as a real broker's: a batch stays in the queue until the intake has settled it.
"""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from wallet_core.commands import DeadLetterReason, SetAside
from wallet_core.events import TransactionFinalized
from wallet_core.intake import BatchHalted, Delivery, Handled, Intake
from wallet_core.messages import FINALIZED_KEY, Message, Subject, finalized_message, message_id_of
from wallet_core.ports import Clock
from wallet_core.settlement import Ack, DeadLetter, RetryAfter


@dataclass(frozen=True, slots=True)
class Published:
    """One of our messages, as a subscriber gets it."""

    message_id: str
    routing_key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """A delivery that was set aside, with its reason."""

    delivery: Delivery
    reason: DeadLetterReason
    detail: str
    at: datetime


class MemoryBus:
    """The broker's side in memory: implements EventBus for the relay and LateSignups for the intake."""

    def __init__(self, clock: Clock) -> None:
        """Start with empty queues; ``clock`` ends the retry delays. Set ``is_away`` to refuse publishing."""
        self.is_away = False
        self.published: list[Published] = []
        self.dead_letters: list[DeadLettered] = []
        self._clock = clock
        self._ready: deque[Delivery] = deque()
        self._waiting: list[tuple[datetime, int, Delivery]] = []
        self._parked_ever = 0

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
        try:
            handled = await intake.handle(batch)
        except BatchHalted as halted:
            self._settle_many(batch, halted.handled, on_handled)
            raise
        self._settle_many(batch, handled, on_handled)
        return handled

    def next_due_at(self) -> datetime | None:
        """Give the instant at which something is ready: now, the end of the first delay, or None when all is empty."""
        if self._ready:
            return self._clock.now()
        return self._waiting[0][0] if self._waiting else None

    async def may_come(self) -> bool:
        """Tell whether a signup waits in the queue."""
        return any(delivery.subject is Subject.SIGNUP for delivery in self._ready)

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """Publish to ``published``, or nothing while the bus is away."""
        if self.is_away:
            return [False] * len(answers)
        self.published.extend(
            Published(message_id_of(answer), FINALIZED_KEY, encoded(finalized_message(answer))) for answer in answers
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
        """Settle what stands at the front of the queue; what has not ended stays there."""
        for _ in batch:
            self._ready.popleft()
        left = []
        for delivery, result in zip(batch, handled, strict=True):
            if result is None:
                left.append(delivery)
                continue
            self._settle(delivery, result)
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


def encoded(message: Mapping[str, str | int | bool]) -> bytes:
    """Write a message as compact JSON."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
