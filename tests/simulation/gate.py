"""The gate that every port call of a process goes through.

::

    before   latency, slow ──> frozen? killed? fails?          ... nothing has happened yet
    effect   once, or twice
    after    latency ──────> frozen? killed? the reply is lost: it fails although it was done
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.simulation.faults import (
    DROWSY_MS,
    FREEZES_MS,
    LATENCIES_MS,
    NO_ANSWER_MS,
    OVERSLEEPS_MS,
    SLOW_MS,
    Fault,
)
from tests.simulation.scheduler import Killed, Owner
from tests.simulation.stage import Stage

T = TypeVar("T")

_BEFORE = frozenset({Fault.KILLED, Fault.FROZEN, Fault.OVERSLEPT, Fault.FAILS})


class Server:
    """What is behind a port: there, or away for a while."""

    def __init__(self, name: str, *, forgets_sleepers: bool = False) -> None:
        """Be there. ``forgets_sleepers``: who comes back from a long sleep finds its connections closed."""
        self.name = name
        self.forgets_sleepers = forgets_sleepers
        self.away_until_ms = 0


class Gate:
    """The way of one process to one server."""

    def __init__(self, owner: Owner, server: Server, stage: Stage, error: type[Exception]) -> None:
        """Lead ``owner`` to ``server``; what fails raises ``error``."""
        self.scheduler = stage.scheduler
        self._owner = owner
        self._server = server
        self._stage = stage
        self._error = error

    async def call(
        self,
        name: str,
        do: Callable[[], Awaitable[T]],
        possible: tuple[Fault, ...],
        told: Callable[[T], str | None] | None = None,
    ) -> T:
        """Do it, with whatever goes wrong; ``told`` says for the trace what came of it, None if that is no news."""
        fault = await self.before(name, possible)
        result = await do()
        if fault is Fault.TWICE:
            result = await do()
        news = "" if told is None else told(result)
        if fault is not None or news is not None:
            self.note(f"{name}: {news}" if news else name, fault)
        await self.after(fault)
        return result

    async def before(self, name: str, possible: tuple[Fault, ...]) -> Fault | None:
        """Go to the server; give what will go wrong there or on the way back."""
        is_drowsy = self._server.forgets_sleepers and self.scheduler.now_ms < self._owner.drowsy_until_ms
        about = f"{self._owner.name} {name.split(maxsplit=1)[0]}"
        fault = self._stage.plan.draw(possible, self.scheduler.now_ms, about, is_drowsy=is_drowsy)
        await self.linger(LATENCIES_MS)
        if fault is Fault.SLOW:
            await self.linger(SLOW_MS)
        if fault in _BEFORE:
            self.note(name, fault)
            await self._suffer(fault)
        if self.scheduler.now_ms < self._server.away_until_ms:
            self.note(name, f"{self._server.name} is away")
            raise self._error(f"{self._server.name} is away")
        return fault

    async def after(self, fault: Fault | None) -> None:
        """Come back from the server, or not."""
        await self.linger(LATENCIES_MS)
        if fault is Fault.KILLED_AFTER:
            raise Killed
        if fault is Fault.FROZEN_AFTER:
            await self._freeze(FREEZES_MS)
        if fault is Fault.REPLY_LOST:
            await self.scheduler.pause(NO_ANSWER_MS)
            raise self._error("no answer in time")

    async def linger(self, durations_ms: tuple[int, ...]) -> None:
        """Wait for one of these times."""
        await self.scheduler.pause(self._stage.plan.one_of(durations_ms, f"{self._owner.name} waits"))

    def note(self, text: str, fault: str | None = None) -> None:
        """Write a line of the trace."""
        self._stage.note(self._owner.name, text, fault or "")

    async def _suffer(self, fault: Fault | None) -> None:
        if fault is Fault.KILLED:
            raise Killed
        if fault is Fault.FROZEN:
            await self._freeze(FREEZES_MS)
        if fault is Fault.OVERSLEPT:
            await self._freeze(OVERSLEEPS_MS)
            self._owner.drowsy_until_ms = self.scheduler.now_ms + DROWSY_MS
        if fault is Fault.FAILS:
            raise self._error("fails")

    async def _freeze(self, durations_ms: tuple[int, ...]) -> None:
        now_ms = self.scheduler.now_ms
        self.scheduler.freeze(self._owner, self._stage.plan.freeze_ends_ms(now_ms, durations_ms, "sleep"))
        await self.scheduler.pause(0)
