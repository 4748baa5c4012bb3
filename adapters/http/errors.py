"""Answer errors: the one table from error to status, text and headers, and the two shapes of an error's body.

============  ==========================================================
documented    ``{"error": "Wallet not found"}``
v1            ``{"error": {"message": "Wallet not found", "status": 404}}``
============  ==========================================================

Shape: a route raises and never catches. ``Errors`` answers by ``ERROR_TABLE``, and with a 500 for what is not in it; a
client is never told more than the table's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from adapters.http.auth import Unauthorized
from adapters.http.keys import REFETCH_INTERVAL_S, KeysUnavailable
from adapters.http.parameters import BadParameter
from wallet_core.errors import StoreUnavailable

ErrorStyle = Literal["documented", "v1"]
"""The shape of an error's body. Source: ``WALLET_HTTP_ERRORS`` of the contract."""

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

_UNEXPECTED = ErrorAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.INTERNAL_SERVER_ERROR.phrase)
"""The last resort, for what is not in it."""


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


class Errors:
    """Answers what a route raises."""

    def __init__(self, app: ASGIApp, style: ErrorStyle) -> None:
        """Wrap ``app``."""
        self._app = app
        self._style = style

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer for what fails."""
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            # Decided: one broken request must not look different to its client from any other error, nor end a process
            # that serves others. The log has all of it. An answer that has begun cannot be mended: the server cuts it.
            if has_begun or scope["type"] != "http":
                raise
            await self._response(error)(scope, receive, send)

    def _response(self, error: Exception) -> Response:
        if isinstance(error, HTTPException):  # Starlette's own: an unknown path, a wrong method
            status = HTTPStatus(error.status_code)
            return error_response(self._style, status, status.phrase, error.headers)
        answer = next((ERROR_TABLE[kind] for kind in type(error).__mro__ if kind in ERROR_TABLE), _UNEXPECTED)
        _report(answer, error)
        return error_response(self._style, answer.status, answer.message or str(error), answer.headers)


def _report(answer: ErrorAnswer, error: Exception) -> None:
    """Tell the operator why, where the client is told less. The texts of the table's errors hold no secrets."""
    if answer is _UNEXPECTED:
        _log.error("http_unexpected_error", exc_info=error)
    elif answer.status is HTTPStatus.SERVICE_UNAVAILABLE:
        _log.warning("http_unavailable", error=type(error).__name__, reason=str(error))
    elif answer.status is HTTPStatus.UNAUTHORIZED:
        _log.info("http_unauthorized", reason=str(error))
