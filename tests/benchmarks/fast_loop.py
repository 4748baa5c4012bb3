"""The event loop of every program here: uvloop where it is installed, as for the service, else the plain one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import cast


def run_fast(work: Coroutine[object, object, None]) -> None:
    """Run ``work`` to its end."""
    with asyncio.Runner(loop_factory=_new_loop()) as runner:
        runner.run(work)


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        return cast("Callable[[], asyncio.AbstractEventLoop]", import_module("uvloop").new_event_loop)
    except ImportError:  # an extra
        return None
