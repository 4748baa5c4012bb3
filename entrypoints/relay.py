"""The relay's loop: rounds as long as there is something to publish, then wait to be woken, or look again soon.

The consumer of this process wakes it after each commit (``answers_wait``), so an answer leaves without waiting for a
poll. The poll finds what other processes have left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog

from adapters.rabbitmq.backoff import Backoff
from wallet_core.errors import StoreUnavailable
from wallet_core.ports import PendingAnswers
from wallet_core.relay import Relay, Round

POLL_S = 0.2
"""How long answers of another process may wait for this relay; five small reads a second when idle."""

STANDBY_POLL_S = 1.0
"""How often a relay without the lease asks for it; a fraction of the lease itself."""

BACKLOG_INTERVAL_S = 5.0
"""How often the outbox is measured for the metrics; a scrape comes every 15 s or so."""

BACK_OFF_FIRST_S, BACK_OFF_MAX_S = 0.25, 10.0
"""Pauses after failed rounds, doubled each time: soon enough after a blip, gentle on a server that comes back."""

log = structlog.get_logger(__name__)


class RelayObserver(Protocol):
    """Who wants to know what waits in the outbox."""

    def backlog(self, rows: int, oldest_at: datetime | None) -> None:
        """Take the size of the outbox in rows, and the time of its oldest one."""
        ...


class RelayLoop:
    """Runs a relay until it is stopped."""

    def __init__(
        self,
        relay: Relay,
        pending: PendingAnswers,
        observer: RelayObserver,
        answers_wait: asyncio.Event,
        monotonic_s: Callable[[], float],
    ) -> None:
        """Take the relay and what it looks at; ``answers_wait`` is set by whoever has committed some."""
        self._relay = relay
        self._pending = pending
        self._observer = observer
        self._monotonic_s = monotonic_s
        self._wake = answers_wait
        self._stopping = asyncio.Event()
        self._back_off = Backoff(BACK_OFF_FIRST_S, BACK_OFF_MAX_S)
        self._has_failed = False
        self._backlog_due_s = float("-inf")

    def stop(self) -> None:
        """Ask for the end: what can be published is published first, then the lease is given back."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Publish until ``stop``. A store or broker that is away is waited for with back-off."""
        while not self._stopping.is_set():
            self._wake.clear()
            done = await self._round()
            if done is not None and done.published and not done.unpublished:
                continue
            await self._pause(done)
        await self._finish()

    async def _round(self) -> Round | None:
        """Do one round; None when the store is away."""
        try:
            await self._measure_backlog()
            done = await self._relay.publish_pending()
        except StoreUnavailable as error:
            self._has_failed = True
            log.warning("relay_waits_for_store", error=str(error))
            return None
        self._has_failed = done.unpublished > 0
        if not self._has_failed:
            self._back_off.reset()
        return done

    async def _measure_backlog(self) -> None:
        now_s = self._monotonic_s()
        if now_s < self._backlog_due_s:
            return
        self._backlog_due_s = now_s + BACKLOG_INTERVAL_S
        self._observer.backlog(*await self._pending.backlog())

    async def _pause(self, done: Round | None) -> None:
        """Wait to be woken. After a failure only time and the end count, or each new commit would be one more try."""
        if self._has_failed:
            ends, pause_s = self._stopping, self._back_off.next_pause_s()
        else:
            ends, pause_s = self._wake, POLL_S if done is not None and done.is_holder else STANDBY_POLL_S
        try:
            async with asyncio.timeout(pause_s):
                await ends.wait()
        except TimeoutError:
            return

    async def _finish(self) -> None:
        done = await self._round()
        while done is not None and done.published and not done.unpublished:
            done = await self._round()
        try:
            await self._relay.stop()
        except StoreUnavailable as error:
            log.warning("relay_lease_not_released", error=str(error))
