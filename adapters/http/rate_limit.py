"""Limit the requests of one client in one window (429), and tell every client how much is left.

The window is a fixed one that begins with the client's first request. The headers are those of the sixth draft of
"RateLimit header fields for HTTP" (IETF), which web clients of this kind of service know. Health checks and
Prometheus are exempt, and so are preflights. Each process counts for itself. Bounds: see ``rate_windows.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from starlette.types import Scope

from adapters.http.client_address import ClientAddresses
from adapters.http.cross_origin import is_preflight
from adapters.http.paths import PROBE_PATHS
from adapters.http.rate_windows import RateWindows

_MS_PER_S = 1_000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most ``requests_max`` requests of one client in ``window_ms``, which is raised to whole seconds."""

    requests_max: int
    window_ms: int

    @property
    def window_s(self) -> int:
        """The window in whole seconds, as the headers tell it."""
        return ceil(self.window_ms / _MS_PER_S)


class Quota(NamedTuple):
    """What is left for the client of a request: the headers that tell it, and whether this was one too many."""

    headers: Sequence[tuple[bytes, bytes]]
    is_exceeded: bool


_NOT_COUNTED = Quota((), is_exceeded=False)


class ClientLimit:
    """Counts requests by client, and says which are over the limit."""

    def __init__(
        self, limit: RateLimit, clients: ClientAddresses, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the limit, and who reads a client from a request. ``now`` gives seconds that never go back."""
        self._windows = RateWindows(limit.window_s, now=now)
        self._clients = clients
        self._requests_max = limit.requests_max
        self._constant_headers = (
            (b"ratelimit-limit", b"%d" % limit.requests_max),
            (b"ratelimit-policy", b"%d;w=%d" % (limit.requests_max, limit.window_s)),
        )

    def take(self, scope: Scope) -> Quota:
        """Count a request, and say what is left."""
        if _is_exempt(scope):
            return _NOT_COUNTED
        count, left_s = self._windows.count(self._clients.client_of(scope))
        reset = b"%d" % ceil(left_s)
        headers = (
            *self._constant_headers,
            (b"ratelimit-remaining", b"%d" % max(0, self._requests_max - count)),
            (b"ratelimit-reset", reset),
        )
        if count <= self._requests_max:
            return Quota(headers, is_exceeded=False)
        return Quota((*headers, (b"retry-after", reset)), is_exceeded=True)


def _is_exempt(scope: Scope) -> bool:
    return scope["path"] in PROBE_PATHS or is_preflight(scope)
