"""What stands behind a route: a function from request to response, as an ASGI application.

Starlette takes functions too, and wraps each of them twice to handle its errors. Ours are handled once, by ``Errors``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Answer = Callable[..., Awaitable[Response]]
"""What answers a request."""


class Endpoint:
    """Answers requests with what a function gives."""

    def __init__(self, answer: Answer) -> None:
        """Take the function, which is given the request."""
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive, send))
        await response(scope, receive, send)
