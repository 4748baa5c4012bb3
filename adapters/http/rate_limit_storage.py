"""Keep the counters of the rate limit in memory, a bounded number of them.

The library's own memory storage keeps a counter for every address that it saw in a window and walks over all of them
behind each request. Here all windows are equally long, so the one that began first is the one that ends first: it
leaves first when CLIENTS_MAX are kept. Who rotates through more addresses than that makes us forget other counts a
little early, and costs us neither memory nor time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from limits.aio.storage import Storage

CLIENTS_MAX = 50_000
"""Most windows kept at once. One takes about 0.3 KB, so 15 MB when somebody tries."""


class BoundedMemoryStorage(Storage):
    """Counters by key, each with the instant at which it ends. Made for fixed windows of one length."""

    STORAGE_SCHEME = ["async+bounded-memory"]  # noqa: RUF012 - the library wants a list and only reads it

    def __init__(self, *, clients_max: int = CLIENTS_MAX, now: Callable[[], float] = time.monotonic) -> None:
        """Start empty. ``now`` gives seconds that never go back; the ends of windows are told on the same scale."""
        super().__init__()
        self._clients_max = clients_max
        self._now = now
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a broken storage raises: memory has nothing of that kind, so the library's own default."""
        return ValueError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Raise a counter, which begins a window of ``expiry`` seconds if there is none, and give its new value."""
        count, ends_at = self._window(key)
        if count == 0:
            self._windows.pop(key, None)
            ends_at = self._now() + expiry
        self._windows[key] = (count + amount, ends_at)
        if len(self._windows) > self._clients_max:
            self._windows.popitem(last=False)
        return count + amount

    async def get(self, key: str) -> int:
        """Give a counter, 0 when its window has ended or never began."""
        return self._window(key)[0]

    async def get_expiry(self, key: str) -> float:
        """Give the end of a window, or now when there is none."""
        return self._window(key)[1]

    async def check(self) -> bool:
        """Memory is always there."""
        return True

    async def reset(self) -> int:
        """Forget everything and tell how many windows there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    async def clear(self, key: str) -> None:
        """Forget one window."""
        self._windows.pop(key, None)

    def _window(self, key: str) -> tuple[int, float]:
        now = self._now()
        count, ends_at = self._windows.get(key, (0, now))
        return (count, ends_at) if now < ends_at else (0, now)
