"""Limit the requests of one client in one window (429), and tell every client how much is left.

The window is a fixed one that begins with the client's first request. The headers are those of the sixth draft of
"RateLimit header fields for HTTP" (IETF), which web clients of this kind of service know. Health checks and
Prometheus are exempt. Each process counts for itself. Bounds: see ``rate_limit_storage.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from limits import RateLimitItemPerSecond
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.client_address import ClientAddresses
from adapters.http.errors import ErrorStyle, error_response
from adapters.http.paths import HEALTH_PATH, PROBE_PATHS
from adapters.http.rate_limit_storage import BoundedMemoryStorage

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


class _OfOneClient(RateLimitItemPerSecond):
    """The one limit that there is: its counters are told apart by the client alone."""

    def key_for(self, *identifiers: bytes | str | float) -> str:
        """Give the client. The library would spell out the limit as well, three times for each request."""
        (client,) = identifiers
        return str(client)


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
        self._item = _OfOneClient(limit.requests_max, limit.window_s)
        self._limiter = FixedWindowRateLimiter(BoundedMemoryStorage(now=now))
        self._clients = clients
        self._error_style = error_style
        self._now = now
        self._constant_headers = {
            "ratelimit-limit": str(limit.requests_max),
            "ratelimit-policy": f"{limit.requests_max};w={limit.window_s}",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its client may ask now."""
        if scope["type"] != "http" or _is_exempt(scope["path"]):
            await self._app(scope, receive, send)
            return
        client = self._clients.client_of(scope)
        is_allowed = await self._limiter.hit(self._item, client)
        headers, reset_s = await self._headers(client)
        if not is_allowed:
            status = HTTPStatus.TOO_MANY_REQUESTS
            headers["retry-after"] = reset_s
            await error_response(self._error_style, status, status.phrase, headers)(scope, receive, send)
            return
        raw_headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *raw_headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    async def _headers(self, client: str) -> tuple[dict[str, str], str]:
        """Give the headers, and in how many seconds the window ends (at least one)."""
        window = await self._limiter.get_window_stats(self._item, client)
        reset_s = str(max(1, ceil(window.reset_time - self._now())))
        headers = {"ratelimit-remaining": str(window.remaining), "ratelimit-reset": reset_s}
        return self._constant_headers | headers, reset_s


def _is_exempt(path: str) -> bool:
    return path in PROBE_PATHS or path.startswith(f"{HEALTH_PATH}/")
