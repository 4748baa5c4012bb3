"""How events travel to a wallet in memory, what goes wrong on the way when a test asks for it, and when they arrive.

The wallet is the real one: intake, posting, outbox and relay over the adapters in memory. Every event is handled and
its answer published before the next one, so nothing here waits, and no event loop is needed. Bounds: ``EVENTS_MAX``.
"""

from __future__ import annotations

import random
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import TypeVar

from wallet_core.body import message_of
from wallet_core.intake import Delivery, Handled, Intake
from wallet_core.memory import MemoryBus, MemoryStore
from wallet_core.messages import Subject
from wallet_core.policy import Policy
from wallet_core.relay import Relay
from wallet_core.testing.clock import WalletClock
from wallet_core.testing.errors import TooManyEvents

T = TypeVar("T")

EVENTS_MAX = 100_000
"""Most events of one wallet, each copy counted: nothing that came is ever forgotten, so there must be an end."""


class Traffic:
    """Takes events, lets them come, and keeps how each delivery ended in ``handled``; ``clock`` wakes it."""

    def __init__(self, policy: Policy, clock: WalletClock, retry_delays_ms: Sequence[int]) -> None:
        """Start with empty queues and books. Raises ValueError when there is no delay, or one that is not above 0."""
        if not retry_delays_ms or any(delay_ms <= 0 for delay_ms in retry_delays_ms):
            raise ValueError(f"retry_delays_ms is {retry_delays_ms!r}: give one or more, each above 0 milliseconds")
        self.clock = clock
        self.store: MemoryStore = MemoryStore(clock)
        self.bus: MemoryBus = MemoryBus(clock)
        self.handled: list[Handled] = []
        self._intake = Intake(self.store, clock, policy, self.bus, retry_delays_ms)
        self._relay = Relay(self.store, self.bus, "relay", clock.monotonic_s)
        self._taken = 0
        self._copies = 1
        self._order: random.Random | None = None
        self._held: list[tuple[Subject, bytes]] = []
        clock.wakes(self)

    def duplicate_next(self) -> None:
        """Let the next event come twice."""
        self._copies = 2

    def hold(self, seed: int) -> None:
        """Hold back what comes from now on; ``seed`` chooses its order."""
        self._order = random.Random(seed)  # noqa: S311 - it must be repeatable, not secret

    @property
    def held(self) -> int | None:
        """How many events are held back; None while none would be."""
        return None if self._order is None else len(self._held)

    async def take(self, subject: Subject, body: bytes) -> None:
        """Let an event come, and its copies; or hold them back. Raises TooManyEvents."""
        copies, self._copies = self._copies, 1
        self._taken += copies
        if self._taken > EVENTS_MAX:
            raise TooManyEvents(EVENTS_MAX)
        for _ in range(copies):
            if self._order is None:
                self.bus.send(subject, message_of(body))
            else:
                self._held.append((subject, body))
        await self.work()

    async def release(self) -> None:
        """Let come what is held back, in its order, and hold nothing any more."""
        order, held = self._order, self._held
        self._order, self._held = None, []
        if order is not None:
            order.shuffle(held)
        for subject, body in held:
            self.bus.send(subject, message_of(body))
            await self.work()

    async def work(self) -> None:
        """Handle what is due, one by one, and publish after each: two copies of an event have two answers."""
        while True:
            while (await self._relay.publish_pending()).published:
                pass
            due_at = self.bus.next_due_at()
            if due_at is None or due_at > self.clock.now():
                return
            await self.bus.consume(self._intake, batch_max=1, on_handled=self._keep)

    def next_due_at(self) -> datetime | None:
        """Give the instant at which something that waits is due; None when nothing waits."""
        return self.bus.next_due_at()

    def wake(self) -> None:
        """Handle what is due now: the clock has moved."""
        finished(self.work())

    def _keep(self, _: Delivery, handled: Handled) -> None:
        self.handled.append(handled)


def finished(work: Coroutine[object, object, T]) -> T:
    """Run to its end, without an event loop, what waits for nothing. Raises RuntimeError if it does wait."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError(f"{work} waits for something outside: in memory nothing may")
