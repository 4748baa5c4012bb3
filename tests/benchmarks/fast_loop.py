"""The event loop of every program here: the one that the service takes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from entrypoints.event_loop import loop_factory


def run_fast(work: Coroutine[object, object, None]) -> None:
    """Run ``work`` to its end."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(work)
