"""Tell whether what we depend on is there: every component is asked at once, each for a bounded time.

Shape: ``ReadinessCheck`` is an async callable that gives None, or the reason why its component is down, in words that
anybody who reaches the port may read. Requests that arrive together share one round of questions, so that a flood of
them is no flood for the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

ReadinessCheck = Callable[[], Awaitable[str | None]]

CHECK_TIMEOUT_S = 2.0
"""Longest wait for one component, seconds: less than the few that orchestrators give a probe."""


class Readiness:
    """Asks the components. One instance serves all requests of one event loop."""

    def __init__(self, checks: Mapping[str, ReadinessCheck], *, timeout_s: float = CHECK_TIMEOUT_S) -> None:
        """Take the checks by the component's name. One that its giver adds later is asked from then on."""
        self._checks = checks
        self._timeout_s = timeout_s
        self._round: asyncio.Task[dict[str, str | None]] | None = None

    async def reasons(self) -> Mapping[str, str | None]:
        """Give for each component None, or why it is down. Raises what a check raises: that is a defect of it."""
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._ask_all(), name="readiness")
        return await asyncio.shield(self._round)

    async def _ask_all(self) -> dict[str, str | None]:
        async with asyncio.TaskGroup() as group:
            questions = {name: group.create_task(self._ask(check)) for name, check in self._checks.items()}
        return {name: question.result() for name, question in questions.items()}

    async def _ask(self, check: ReadinessCheck) -> str | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await check()
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
