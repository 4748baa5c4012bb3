"""Answer errors: the one table from error to status, text and headers, and the two shapes of an error's body.

============  ==========================================================
documented    ``{"error": "Wallet not found"}``
v1            ``{"error": {"message": "Wallet not found", "status": 404}}``
============  ==========================================================

Shape: a route raises and never catches. ``error_handlers`` are Starlette's, made from ``ERROR_TABLE``;
``UnexpectedErrors`` is the last resort for what is not in it. Neither ever tells a client more than the table's text.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from adapters.http.auth import Unauthorized
from adapters.http.keys import REFETCH_INTERVAL_S, KeysUnavailable
from adapters.http.parameters import BadParameter
from wallet_core.errors import StoreUnavailable

ErrorStyle = Literal["documented", "v1"]
"""The shape of an error's body. Source: ``WALLET_HTTP_ERRORS`` of the contract."""

ErrorHandler = Callable[[Request, Exception], Awaitable[Response]]

STORE_RETRY_AFTER_S = 5
"""When to ask again while the database is away, seconds. A replica set elects a new primary within 12 s (MongoDB's
manual, "Replica Set Elections"), so a client needs two or three tries."""

KEYS_RETRY_AFTER_S = int(REFETCH_INTERVAL_S)
"""Keys are fetched no more often than that; asking sooner cannot help."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class WalletNotFound(Exception):
    """The user who is asking has no wallet, or none that may be used."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """What a client is told. ``message`` None stands for the error's own text, which is then written for clients."""

    status: HTTPStatus
    message: str | None
    headers: Mapping[str, str] = field(default_factory=dict)


ERROR_TABLE: Mapping[type[Exception], ErrorAnswer] = {
    BadParameter: ErrorAnswer(HTTPStatus.BAD_REQUEST, None),
    # RFC 9110, section 11.6.1: a 401 names the scheme to use.
    Unauthorized: ErrorAnswer(HTTPStatus.UNAUTHORIZED, "Unauthorized", {"www-authenticate": "Bearer"}),
    WalletNotFound: ErrorAnswer(HTTPStatus.NOT_FOUND, "Wallet not found"),
    StoreUnavailable: ErrorAnswer(
        HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable", {"retry-after": str(STORE_RETRY_AFTER_S)}
    ),
    KeysUnavailable: ErrorAnswer(
        HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable", {"retry-after": str(KEYS_RETRY_AFTER_S)}
    ),
}
"""Every error that a route may raise on purpose. The texts of 401 and 404 are the contract's."""


def error_body(style: ErrorStyle, status: int, message: str) -> dict[str, str | dict[str, str | int]]:
    """Give the body of an error."""
    return {"error": {"message": message, "status": int(status)} if style == "v1" else message}


def error_response(
    style: ErrorStyle, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Write an error. No cache may keep it: the next answer may be a good one."""
    return Response(
        orjson.dumps(error_body(style, status, message)),
        status_code=status,
        headers={"cache-control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def error_handlers(style: ErrorStyle) -> dict[type[Exception], ErrorHandler]:
    """Give Starlette a handler for each error of the table, and for its own (unknown path, wrong method)."""

    async def expected(_request: Request, error: Exception) -> Response:
        answer = next(ERROR_TABLE[kind] for kind in type(error).__mro__ if kind in ERROR_TABLE)
        _report(answer.status, error)
        return error_response(style, answer.status, answer.message or str(error), answer.headers)

    async def unroutable(_request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise TypeError(f"not an HTTPException: {type(error).__name__}")
        status = HTTPStatus(error.status_code)
        return error_response(style, status, status.phrase, error.headers)

    return {**dict.fromkeys(ERROR_TABLE, expected), HTTPException: unroutable}


class UnexpectedErrors:
    """The last resort: logs an error that no handler knows, with its traceback, and answers 500 without a detail."""

    def __init__(self, app: ASGIApp, *, style: ErrorStyle) -> None:
        """Wrap ``app``."""
        self._app = app
        self._style = style

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer for what fails."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            # Decided: one broken request must not look different to its client from any other error, nor end a process
            # that serves others. The log has all of it. An answer that has begun cannot be mended: the server cuts it.
            if started or scope["type"] != "http":
                raise
            _log.exception("http_unexpected_error")
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            await error_response(self._style, status, status.phrase)(scope, receive, send)


def _report(status: HTTPStatus, error: Exception) -> None:
    """Tell the operator why, where the client is told less. The texts of these errors hold no secrets."""
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        _log.warning("http_unavailable", error=type(error).__name__, reason=str(error))
    elif status is HTTPStatus.UNAUTHORIZED:
        _log.info("http_unauthorized", reason=str(error))
