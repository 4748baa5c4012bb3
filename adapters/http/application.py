"""Build the HTTP application from ready objects, and fix the order of its layers.

From the outside in, each with why it stands there:

==============================  ======================================================================================
``ServerErrorMiddleware``       Starlette's own; nothing reaches it, because of ``UnexpectedErrors``
``CorrelationIds``              first, so that every line of the log about the request has its id
``Observation``                 sees every answer, those of the layers below included, with their true duration
``SecurityHeaders``             on every answer, errors included
``CrossOrigin``                 before the limit: a preflight costs nothing, and a browser may read a 429
``RateLimiting``                before any work is done for the request
``UnexpectedErrors``            inside all of the above, so that a 500 has their headers and is counted
``ExceptionMiddleware``         Starlette's own, with our table of errors
==============================  ======================================================================================

All of them are plain ASGI: a layer of ``BaseHTTPMiddleware`` would cost a task and a queue for each request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware

from adapters.http.auth import Authenticator
from adapters.http.client_address import ClientAddresses, Network
from adapters.http.correlation_id import CORRELATION_HEADER, CorrelationIds
from adapters.http.cross_origin import CrossOrigin
from adapters.http.documentation_routes import DocumentationRoutes
from adapters.http.errors import ErrorStyle, UnexpectedErrors, error_handlers
from adapters.http.metrics import HttpMetrics
from adapters.http.observation import Observation
from adapters.http.rate_limit import RateLimit, RateLimiting
from adapters.http.readiness import Readiness, ReadinessCheck
from adapters.http.routes import ServiceRoutes, WalletRoutes
from adapters.http.security_headers import SecurityHeaders
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
    application = Starlette(
        routes=routes,
        exception_handlers=error_handlers(error_style),
        middleware=[
            Middleware(CorrelationIds),
            Middleware(Observation, metrics=HttpMetrics(registry), routes=routes),
            Middleware(SecurityHeaders),
            Middleware(
                CrossOrigin, origins=cors_origins, request_headers=_REQUEST_HEADERS, response_headers=_RESPONSE_HEADERS
            ),
            Middleware(
                RateLimiting, limit=rate_limit, clients=ClientAddresses(trusted_proxies), error_style=error_style
            ),
            Middleware(UnexpectedErrors, style=error_style),
        ],
    )
    # A redirect would name the host that the gateway uses for us, which no client can reach.
    application.router.redirect_slashes = False
    return application
