"""``wallet run``, ``serve`` and ``consume``: one process of the service until a signal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from entrypoints.container import Container
from entrypoints.screen import fail
from entrypoints.service import Part, Service
from entrypoints.settings import Settings
from entrypoints.start_refused import StartRefused
from entrypoints.stop_signal import StopSignal


def run(settings: Settings, part: Part) -> int:
    """
    Run until SIGTERM or SIGINT; 2 when something must be mended before a start.

    On uvloop where it is installed (extra ``fast``), else on the loop of the standard library. The loop is left as it
    is: to close it waits, without a limit, for every task that is still there, such as a rollback that hangs with its
    database. The caller is to end the process.
    """
    return asyncio.Runner(loop_factory=_loop_factory()).run(_run(settings, part))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop  # noqa: PLC0415 - optional
    except ImportError:
        return asyncio.new_event_loop
    return new_event_loop


async def _run(settings: Settings, part: Part) -> int:
    stop = StopSignal()
    stop.listen()
    try:
        await Service(Container(settings=settings), part).run(stop)
    except StartRefused as refused:
        fail(str(refused))
        return 2
    return 0
