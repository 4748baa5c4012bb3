"""What the tests of the private servers ask about processes."""

import time
from collections.abc import Callable

import psutil

# Ends and starts of processes take milliseconds; this covers a busy machine.
WAIT_S = 15.0


def descendants() -> list[psutil.Process]:
    """Return all processes that this one has started, and those that they have started."""
    return psutil.Process().children(recursive=True)


def is_gone(process: psutil.Process) -> bool:
    """Say whether a process has ended; one that only waits to be reaped by init has."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, and fail when it has not come true in time."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, f"the condition did not come true within {WAIT_S} s"
        time.sleep(0.02)
