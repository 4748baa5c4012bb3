"""SIGTERM and SIGINT: the first asks for an orderly end, the second ends the process at once."""

from __future__ import annotations

import asyncio
import os
import signal

import structlog

SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger(__name__)


class StopSignal:
    """Set by the first signal. Also for whoever stops a service without one, such as the demo."""

    def __init__(self) -> None:
        """Begin unset."""
        self._asked = asyncio.Event()

    def listen(self) -> None:
        """Listen to the signals, on the running loop."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)

    def set(self) -> None:
        """Ask for the end."""
        self._asked.set()

    def is_set(self) -> bool:
        """Tell whether the end was asked for."""
        return self._asked.is_set()

    async def wait(self) -> None:
        """Wait until the end is asked for."""
        await self._asked.wait()

    def _on_signal(self, number: signal.Signals) -> None:
        if self._asked.is_set():
            # Nothing is lost: what was not acknowledged or published is still with the broker and in the outbox.
            os._exit(128 + number)
        log.info("stop_asked", signal=number.name)
        self._asked.set()
