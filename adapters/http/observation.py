"""Watch every request: its metrics, and its line in the log.

The line has method, route, status and duration. It never has a path that a client made up, a query, a
header or an address: any of them can hold a secret or a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from time import perf_counter

import structlog
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from adapters.http.metrics import UNMATCHED, HttpMetrics
from adapters.http.paths import PROBE_PATHS

_MS_PER_S = 1_000

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class Observation:
    """Measures each request and says how it ended."""

    def __init__(self, app: ASGIApp, *, metrics: HttpMetrics, routes: Sequence[BaseRoute]) -> None:
        """Wrap ``app``; ``routes`` name what is answered before a router sees it (429, CORS)."""
        self._app = app
        self._metrics = metrics
        self._routes = routes
        self._log: FilteringBoundLogger = _log.bind()  # bound once: it takes as long as the rest of a line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and watch it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # What ends without an answer is an error of ours: the server will send a 500 or cut the connection.
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.active += 1
        started_at = perf_counter()
        try:
            await self._app(scope, receive, watched)
        finally:
            self._metrics.active -= 1
            self._report(scope, status, perf_counter() - started_at)

    def _report(self, scope: Scope, status: int, duration_s: float) -> None:
        method, route = scope["method"], self._route_of(scope)
        self._metrics.observe(method, route, status, duration_s)
        is_probe = route in PROBE_PATHS and status < HTTPStatus.BAD_REQUEST
        (self._log.debug if is_probe else self._log.info)(
            "http_request", method=method, route=route, status=status, duration_ms=round(duration_s * _MS_PER_S, 3)
        )

    def _route_of(self, scope: Scope) -> str:
        """Give the template of the route: the router's choice, or what it would have chosen."""
        route = scope.get("route")
        if route is None:
            route = next((one for one in self._routes if one.matches(scope)[0] is not Match.NONE), None)
        return route.path if isinstance(route, Route) else UNMATCHED
