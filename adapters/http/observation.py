"""Watch every request: its metrics, and its line in the log.

The line has method, route, status and duration. It never has a path that a client made up, a query, a
header or an address: any of them can hold a secret or a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import structlog
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope
from structlog.typing import FilteringBoundLogger

from adapters.http.metrics import UNMATCHED, HttpMetrics
from adapters.http.paths import PROBE_PATHS

_MS_PER_S = 1_000

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class Observation:
    """Is told of each request, and says how it ended."""

    def __init__(self, metrics: HttpMetrics, routes: Sequence[BaseRoute]) -> None:
        """Take the metrics; ``routes`` name what is answered before a router sees it (429, CORS)."""
        self._metrics = metrics
        self._routes = routes
        self._log: FilteringBoundLogger = _log.bind()  # bound once: it takes as long as the rest of a line

    def begun(self) -> None:
        """Count a request that is being answered; ``ended`` follows, whatever happens."""
        self._metrics.active += 1

    def ended(self, scope: Scope, status: int, duration_s: float) -> None:
        """Count it as answered, and say so in the log."""
        self._metrics.active -= 1
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
