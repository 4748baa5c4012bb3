"""Faults on purpose, for tests of reliability: the process dies, or stands still, at a named step of its work.

Off unless ``WALLET_FAULT_INJECTION=on``; then a warning says so at each start. The steps are those of ``STEPS``
(``fault_point.py``); the adapters tell each one to their observers, and the observers tell it here.

``WALLET_FAULT_HISTORY`` names a file to which each step is appended when it is reached, before anything is injected
there, as one line of JSON by one write: ``kill -9`` loses none that was written. Several processes may share a file.

===============  =====================================================================================================
``at``           ISO 8601, UTC
``monotonic_s``  the system's clock that never goes back: comparable between processes of one machine
``pid``          process id
``step``         one of ``STEPS``
``ids``          what it is about, without events that have no id; one for each delivery, so an id may be there twice:
                 transaction ids, and user ids of signups (``committed``, ``acked``, ``park_sent``, ``parked``,
                 ``park_acked``); transaction ids (``outbox_read``, ``row_settled``, and of ``answers_read`` those that
                 were not in memory); message ids (``answers_sent``, ``answers_confirmed``); else empty
``about``        the queue that has a message now (``parked``, ``returned``); what was made or declared at the start
===============  =====================================================================================================

What I8 says in these lines, for each ``pid``: whatever is in ``acked`` or ``park_acked`` was in ``committed`` before,
and whatever is in ``park_acked`` was in ``parked`` before.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from entrypoints.fault_point import BlockPoint, CrashPoint
from entrypoints.settings import Settings

log = structlog.get_logger(__name__)


class StepListener(Protocol):
    """Hears of every step that the process reaches."""

    def reached(self, step: str, ids: Iterable[str | None], about: str) -> None:
        """Hear that a step is done."""
        ...


class NoFaults:
    """What a process has that nobody wants to fail: it hears of each step, and that is all."""

    def reached(self, step: str, ids: Iterable[str | None], about: str) -> None:
        """Do nothing."""


class FaultInjection:
    """Writes the history, and injects what it was told, where it was told."""

    def __init__(self, crash_at: CrashPoint | None, block_at: BlockPoint | None, history: Path | None) -> None:
        """Take the points; the history is opened now. Raises OSError when it cannot be."""
        self._crash_at = crash_at
        self._block_at = block_at
        self._history = None if history is None else os.open(history, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._times: Counter[str] = Counter()

    def reached(self, step: str, ids: Iterable[str | None], about: str) -> None:
        """Write the step down; then die, or stand still, if this is the place."""
        if self._history is not None:
            os.write(self._history, _line(step, ids, about))
        self._times[step] += 1
        if self._block_at is not None and self._block_at.step == step and self._times[step] == 1:
            log.warning("fault_injected", fault="block", step=step, duration_s=self._block_at.duration_s)
            time.sleep(self._block_at.duration_s)
        if self._crash_at == CrashPoint(step, self._times[step]):
            os.kill(os.getpid(), signal.SIGKILL)


def fault_injection(settings: Settings) -> StepListener:
    """Give what listens to the steps of this process."""
    if settings.wallet_fault_injection == "off":
        return NoFaults()
    return FaultInjection(settings.wallet_crash_at, settings.wallet_block_at, settings.wallet_fault_history)


def _line(step: str, ids: Iterable[str | None], about: str) -> bytes:
    line = {
        "at": datetime.now(UTC).isoformat(),
        "monotonic_s": time.monotonic(),
        "pid": os.getpid(),
        "step": step,
        "ids": [id_ for id_ in ids if id_ is not None],
        "about": about,
    }
    return json.dumps(line).encode() + b"\n"
