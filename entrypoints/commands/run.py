"""``wallet run``, ``serve`` and ``consume``: one process of the service until a signal."""

from __future__ import annotations

import asyncio

from entrypoints.container import Container
from entrypoints.event_loop import loop_factory
from entrypoints.screen import fail
from entrypoints.service import Part, Service
from entrypoints.settings import Settings
from entrypoints.start_refused import StartRefused
from entrypoints.stop_signal import StopSignal


def run(settings: Settings, part: Part) -> int:
    """
    Run until SIGTERM or SIGINT; 2 when something must be mended before a start.

    The loop is left as it is: to close it waits, without a limit, for every task that is still there, such as a
    rollback that hangs with its database. The caller is to end the process.
    """
    return asyncio.Runner(loop_factory=loop_factory()).run(_run(settings, part))


async def _run(settings: Settings, part: Part) -> int:
    stop = StopSignal()
    stop.listen()
    try:
        await Service(Container(settings=settings), part).run(stop)
    except StartRefused as refused:
        fail(str(refused))
        return 2
    return 0
