"""Limit the requests of one client in one window (429), and tell every client how much is left.

The window is a fixed one that begins with the client's first request. The headers are those of the sixth draft of
"RateLimit header fields for HTTP" (IETF), which web clients of this kind of service know. Health checks and
Prometheus are exempt. Each process counts for itself. Bounds: see ``rate_windows.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.client_address import ClientAddresses
from adapters.http.errors import ErrorStyle, error_response
from adapters.http.paths import HEALTH_PATH, PROBE_PATHS
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


class RateLimiting:
    """Counts requests by client and refuses those over the limit."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: RateLimit,
        clients: ClientAddresses,
        error_style: ErrorStyle,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap ``app``. ``now`` gives seconds that never go back."""
        self._app = app
        self._windows = RateWindows(limit.window_s, now=now)
        self._clients = clients
        self._error_style = error_style
        self._requests_max = limit.requests_max
        self._constant_headers = [
            (b"ratelimit-limit", b"%d" % limit.requests_max),
            (b"ratelimit-policy", b"%d;w=%d" % (limit.requests_max, limit.window_s)),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its client may ask now."""
        if scope["type"] != "http" or _is_exempt(scope["path"]):
            await self._app(scope, receive, send)
            return
        client = self._clients.client_of(scope)
        count, left_s = self._windows.count(client)
        reset_s = max(1, ceil(left_s))
        headers = [
            *self._constant_headers,
            (b"ratelimit-remaining", b"%d" % max(0, self._requests_max - count)),
            (b"ratelimit-reset", b"%d" % reset_s),
        ]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        if count <= self._requests_max:
            await self._app(scope, receive, send_with_headers)
            return
        status = HTTPStatus.TOO_MANY_REQUESTS
        refusal = error_response(self._error_style, status, status.phrase, {"retry-after": str(reset_s)})
        await refusal(scope, receive, send_with_headers)


def _is_exempt(path: str) -> bool:
    return path in PROBE_PATHS or path.startswith(f"{HEALTH_PATH}/")
