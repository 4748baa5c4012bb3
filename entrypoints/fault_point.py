"""Where a process is told to fail, and where it writes that down: settings that count only with faults switched on.

``STEPS`` is the closed list of all steps, each with what is done when it is reached: those at the books, then those at
the broker, each in the order of an event's walk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationInfo

from adapters.mongo.steps import StoreStep
from adapters.rabbitmq.steps import BrokerStep

NONE = "none"

TIMES_MAX = 1_000_000
"""Highest count of a crash point; a run of an hour reaches no step as often."""

BLOCK_S_MAX = 600
"""Longest block, seconds: every broker and database has given us up by then."""

STEPS: Mapping[str, str] = {step.value: step.meaning for step in (*StoreStep, *BrokerStep)}
"""Every step by name, and what is done when it is reached."""

_POINT = re.compile(r"(?P<step>[a-z_]+)(:(?P<number>[1-9][0-9]{0,6}))?")


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """The process ends itself, as by ``kill -9``, when it reaches ``step`` for the ``times``-th time."""

    step: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class BlockPoint:
    """The process stands still for ``duration_s`` seconds when it reaches ``step`` for the first time."""

    step: str
    duration_s: int


def crash_point(text: str, info: ValidationInfo) -> CrashPoint | None:
    """Read ``none``, ``step`` or ``step:n``. Raises ValueError."""
    if not _is_wanted(text, info):
        return None
    step, times = _step_and_number(text)
    if times is not None and times > TIMES_MAX:
        raise ValueError(f"it counts beyond {TIMES_MAX}")
    return CrashPoint(step, times or 1)


def block_point(text: str, info: ValidationInfo) -> BlockPoint | None:
    """Read ``none`` or ``step:seconds``. Raises ValueError."""
    if not _is_wanted(text, info):
        return None
    step, duration_s = _step_and_number(text)
    if duration_s is None or duration_s > BLOCK_S_MAX:
        raise ValueError(f"it does not say for how long, 1 to {BLOCK_S_MAX} seconds")
    return BlockPoint(step, duration_s)


def history_file(text: str, info: ValidationInfo) -> Path | None:
    """Read ``none`` or the name of a file. Raises ValueError."""
    if not _is_wanted(text, info):
        return None
    file = Path(text)
    if not file.parent.is_dir() or file.is_dir():
        raise ValueError("it is no file in a folder that exists")
    return file


def _is_wanted(text: str, info: ValidationInfo) -> bool:
    """Tell whether a fault is asked for; that may only be with faults switched on. Raises ValueError."""
    if text == NONE:
        return False
    if info.data.get("wallet_fault_injection", "on") == "off":
        raise ValueError("it makes this process fail on purpose, and counts only with WALLET_FAULT_INJECTION=on")
    return True


def _step_and_number(text: str) -> tuple[str, int | None]:
    point = _POINT.fullmatch(text)
    if point is None:
        raise ValueError("it is not a step, or a step, a colon and a number from 1")
    if point["step"] not in STEPS:
        raise ValueError(f"there is no such step; the steps are {', '.join(STEPS)}")
    return point["step"], None if point["number"] is None else int(point["number"])
