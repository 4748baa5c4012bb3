"""``wallet run``, ``serve`` and ``consume``: one process of the service until a signal."""

from __future__ import annotations

from entrypoints.container import Container
from entrypoints.screen import fail
from entrypoints.service import Part, Service
from entrypoints.settings import Settings
from entrypoints.start_refused import StartRefused
from entrypoints.stop_signal import StopSignal


async def run(settings: Settings, part: Part) -> int:
    """Run until SIGTERM or SIGINT; 2 when something must be mended before a start."""
    stop = StopSignal()
    stop.listen()
    try:
        await Service(Container(settings=settings), part).run(stop)
    except StartRefused as refused:
        fail(str(refused))
        return 2
    return 0
