"""Build the HTTP application from ready objects.

::

    Edge ──> CrossOrigin ──> Errors ──> Starlette's router ──> Endpoint

``edge.py`` says what it does with each request and answer, and in which order. All layers are plain ASGI: one of
``BaseHTTPMiddleware`` would cost a task and a queue for each request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.http.auth import Authenticator
from adapters.http.client_address import ClientAddresses, Network
from adapters.http.correlation_id import CORRELATION_HEADER
from adapters.http.cross_origin import CrossOriginRules
from adapters.http.documentation_routes import DocumentationRoutes
from adapters.http.edge import Edge
from adapters.http.errors import Errors, ErrorStyle
from adapters.http.metrics import HttpMetrics
from adapters.http.observation import Observation
from adapters.http.rate_limit import ClientLimit, RateLimit
from adapters.http.readiness import Readiness, ReadinessCheck
from adapters.http.routes import ServiceRoutes, WalletRoutes
from wallet_core.money import Currency
from wallet_core.ports import Clock, Reader

_REQUEST_HEADERS = ("Authorization", "If-None-Match", CORRELATION_HEADER)
_RESPONSE_HEADERS = (
    "ETag",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    CORRELATION_HEADER,
)


class WalletApplication(Starlette):
    """Starlette with our layers alone: it would put two of its own around the router, for errors that ours answer."""

    def __init__(self, routes: Sequence[Route], edge: Callable[[ASGIApp], ASGIApp], error_style: ErrorStyle) -> None:
        """Take the routes, what makes the outermost layer around them, and the style of errors."""
        super().__init__(routes=routes)
        self._edge = edge
        self._error_style = error_style
        # A redirect would name the host that the gateway uses for us, which no client can reach.
        self.router.redirect_slashes = False

    def build_middleware_stack(self) -> ASGIApp:
        """Put the layers together; Starlette calls it once, before the first request."""
        return self._edge(Errors(self.router, self._error_style))


def http_application(  # noqa: PLR0913 - all by name, and only the composition root calls it
    *,
    reader: Reader | None,
    authenticator: Authenticator,
    readiness_checks: Mapping[str, ReadinessCheck],
    currency: Currency,
    clock: Clock,
    registry: CollectorRegistry,
    error_style: ErrorStyle,
    cors_origins: Sequence[str],
    rate_limit: RateLimit,
    trusted_proxies: Sequence[Network],
) -> Starlette:
    """
    Build the application. It opens nothing and closes nothing: what it is given is ready, and stays its giver's.

    ``reader`` is None in a process that answers no owner of a wallet: then there are health, metrics and documentation
    alone. ``readiness_checks`` are asked by ``/health/ready`` and listed under their names. ``registry`` gets the HTTP
    metrics and is what ``/metrics`` shows. ``cors_origins`` is ``("*",)`` or a list of origins; only listed ones may
    send credentials.
    """
    routes = [
        *(WalletRoutes(reader, authenticator, currency).routes() if reader is not None else ()),
        *ServiceRoutes(Readiness(readiness_checks), registry, clock).routes(),
        *DocumentationRoutes(error_style).routes(),
    ]
    edge = partial(
        Edge,
        observation=Observation(HttpMetrics(registry), routes),
        client_limit=ClientLimit(rate_limit, ClientAddresses(trusted_proxies)),
        cross_origin=CrossOriginRules(cors_origins, _REQUEST_HEADERS, _RESPONSE_HEADERS),
        error_style=error_style,
    )
    return WalletApplication(routes, edge, error_style)
