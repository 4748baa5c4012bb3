"""How far an audit is, on standard error: a bar on a terminal, else a plain line every LINE_INTERVAL_S."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from entrypoints.screen import errors, hint
from wallet_core.audit import Summary

BAR_INTERVAL_S = 0.25
"""How often the bar is drawn anew."""

LINE_INTERVAL_S = 10.0
"""How often a line is printed where nobody watches a bar: six a minute in the log of a scheduled audit."""


@asynccontextmanager
async def audit_progress(summary: Summary, expected: int) -> AsyncGenerator[None, None]:
    """Show while the block runs how much of ``expected`` entries and transactions ``summary`` counts."""
    told = _Progress(summary, expected)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task_id = bar.add_task("auditing", total=max(1, expected))

        def draw() -> None:
            bar.update(task_id, completed=told.done, description=f"auditing, {told.rate} a second")

        def print_line() -> None:
            hint(f"auditing: {told.share} % of {expected} entries and transactions, {told.rate} a second")

        showing = asyncio.create_task(
            _repeat(BAR_INTERVAL_S, draw) if errors.is_terminal else _repeat(LINE_INTERVAL_S, print_line)
        )
        try:
            yield
        finally:
            showing.cancel()


class _Progress:
    """The numbers of the moment."""

    def __init__(self, summary: Summary, expected: int) -> None:
        self._summary = summary
        self._expected = expected
        self._started_s = time.monotonic()

    @property
    def done(self) -> int:
        """At most what was expected: more may come in meanwhile."""
        return min(self._expected, self._summary.entries + self._summary.transactions)

    @property
    def share(self) -> int:
        """Percent."""
        return 100 * self.done // max(1, self._expected)

    @property
    def rate(self) -> int:
        """Per second, since the beginning."""
        return round(self.done / max(0.001, time.monotonic() - self._started_s))


async def _repeat(interval_s: float, show: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(interval_s)
        show()
