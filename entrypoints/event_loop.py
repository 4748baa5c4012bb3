"""The event loop of the service: uvloop where it is installed (extra ``fast``), else that of the standard library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Give what makes the loop, for ``asyncio.Runner``."""
    try:
        from uvloop import new_event_loop  # noqa: PLC0415 - optional
    except ImportError:
        return asyncio.new_event_loop
    return new_event_loop
