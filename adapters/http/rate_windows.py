"""Count the requests of each client in its window, a bounded number of clients.

The windows are fixed and equally long: one begins with its client's first request. So the one that began first is the
one that ends first: it leaves first when CLIENTS_MAX are kept. Who rotates through more addresses than that makes us
forget other counts a little early, and costs us neither memory nor time. The libraries for this keep a counter for
every address of a window, walk over them, or are awaited five times for each request.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

CLIENTS_MAX = 50_000
"""Most windows kept at once. One takes about 0.3 KB, so 15 MB when somebody tries."""


class RateWindows:
    """Counts requests by client, in windows of one length."""

    def __init__(
        self, window_s: float, *, clients_max: int = CLIENTS_MAX, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Start empty. ``now`` gives seconds that never go back."""
        self._window_s = window_s
        self._clients_max = clients_max
        self._now = now
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        """Tell how many windows are kept."""
        return len(self._windows)

    def count(self, client: str) -> tuple[int, float]:
        """Count one request; give how many its window has now, and in how many seconds that ends."""
        now = self._now()
        count, ends_at = self._windows.get(client, (0, now))
        if now >= ends_at:
            self._windows.pop(client, None)  # its next window is the youngest
            count, ends_at = 0, now + self._window_s
        self._windows[client] = (count + 1, ends_at)
        if len(self._windows) > self._clients_max:
            self._windows.popitem(last=False)
        return count + 1, min(self._window_s, ends_at - now)  # never more, as rounding could have it
