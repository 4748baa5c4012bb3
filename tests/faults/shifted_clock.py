"""A process whose clock is wrong, by as much as a file says from one moment to the next.

``follow`` runs in the child before anything else is imported there, and puts itself in place of everything in Python
that tells the time of day: ``time.time``, ``time.time_ns`` and the ``now`` of ``datetime``. libfaketime would be the
usual means, but it is not everywhere, and it also shifts the timed waits of threads inside the system's library, which
then never end. Clocks that only count seconds (``time.monotonic``) go on as they are, as on a machine whose time of day
is set.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

_real_datetime = dt.datetime


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """The clock of one process, seen by its test; right until it is shifted."""

    file: Path

    def __post_init__(self) -> None:
        """Be right."""
        self.shift(dt.timedelta())

    @property
    def before(self) -> str:
        """Give the Python that the interpreter of the process must run first."""
        return f"from tests.faults.shifted_clock import follow; follow({str(self.file)!r})"

    def shift(self, ahead: dt.timedelta) -> None:
        """Be ahead of the machine by so much, from now on."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(str(ahead.total_seconds()), encoding="ascii")
        draft.replace(self.file)


class _AnyDatetime(type):
    """Takes the instants of the real class for its own: what C code makes is of that class."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real_datetime)


def follow(file: str) -> None:
    """Tell the time of day as the file says, in this interpreter, from now on."""
    real_time_ns = time.time_ns

    def ahead_s() -> float:
        return float(Path(file).read_text(encoding="ascii"))

    class ShiftedDatetime(_real_datetime, metaclass=_AnyDatetime):
        """``datetime`` with another now; its instances are of the real class."""

        def __new__(cls, *args: int, **fields: int) -> Self:
            return cast("Self", _real_datetime(*args, **fields))  # type: ignore[arg-type]

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> _real_datetime:  # type: ignore[override]
            return _real_datetime.now(tz) + dt.timedelta(seconds=ahead_s())

    replaced: Mapping[str, object] = {
        "time": lambda: real_time_ns() / 1e9 + ahead_s(),
        "time_ns": lambda: real_time_ns() + int(ahead_s() * 1e9),
    }
    for name, function in replaced.items():
        setattr(time, name, function)
    dt.datetime = ShiftedDatetime  # type: ignore[misc, assignment]
