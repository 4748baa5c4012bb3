"""What every request goes through before a route sees it, and every answer before it leaves.

::

    request ──> its id ──> the limit of its client ──> CORS, if it has an origin ──> errors ──> routes
    answer  <── its line in the log, its metrics <── the headers of every answer <────────────────┘

One layer, and not one for each of these: each would be two more coroutines for each answer, and its headers one more
copy of the list. In this order, because

- every line of the log about a request has its id, and every answer tells it;
- every answer is counted, refused ones too, with its true duration;
- no work is done for a request over the limit; a preflight is none of its client's requests, and a page of another
  origin may read a 429.
"""

from __future__ import annotations

from http import HTTPStatus
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.correlation_id import correlation_header
from adapters.http.cross_origin import CrossOrigin, CrossOriginRules
from adapters.http.errors import ErrorStyle, error_response
from adapters.http.observation import Observation
from adapters.http.rate_limit import ClientLimit
from adapters.http.security_headers import SecurityHeaders

_NOT_ANSWERED = HTTPStatus.INTERNAL_SERVER_ERROR.value
"""What a request counts as that ends without an answer: the server will send a 500 or cut the connection."""


class Edge:
    """The outermost layer of the application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        observation: Observation,
        client_limit: ClientLimit,
        cross_origin: CrossOriginRules,
        error_style: ErrorStyle,
    ) -> None:
        """Wrap ``app``."""
        too_many = HTTPStatus.TOO_MANY_REQUESTS
        self._app = CrossOrigin(app, cross_origin)
        self._refusal = CrossOrigin(error_response(error_style, too_many, too_many.phrase), cross_origin)
        self._observation = observation
        self._client_limit = client_limit
        self._security_headers = SecurityHeaders()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = [correlation_header(scope["headers"])]
        status = _NOT_ANSWERED

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message["headers"]
                message["headers"] = [*given, *headers, *self._security_headers.beside(given)]
            await send(message)

        started_at = perf_counter()
        self._observation.begun()
        try:
            quota = self._client_limit.take(scope)
            headers += quota.headers
            await (self._refusal if quota.is_exceeded else self._app)(scope, receive, send_with_headers)
        finally:
            self._observation.ended(scope, status, perf_counter() - started_at)
