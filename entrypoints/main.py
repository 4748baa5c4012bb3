"""The console script ``wallet``: it can be stopped from its first moment on, and then loads the command line.

Loading takes half a second and more. A service that is told to stop within it has begun nothing, and ends as asked. Any
other command dies of the signal, as it would later too: who waits for a migration must not take an early end for a
success.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

SERVICES = frozenset({"run", "serve", "consume"})
"""Commands that run until a signal. ``stop_signal.py`` takes over when their loop runs."""

NEW_OBJECTS_MAX = 100_000
"""New objects after which Python looks for cycles among them. Its own 700 cost a tenth of the loading, which makes many
objects that stay, and a tenth of an audit, for documents that have no cycles. A service sets its own."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(NEW_OBJECTS_MAX)
    if sys.argv[1:2] and sys.argv[1] in SERVICES:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _end)
    from entrypoints.cli import main as run_command_line  # not above: its import takes long

    run_command_line()


def _end(_: int, __: object) -> None:
    """End as asked: nothing is open yet."""
    os._exit(0)
