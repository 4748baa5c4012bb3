"""Let pages of other origins read our answers, as ``CORS_ORIGIN`` says, by Starlette's middleware.

With ``*`` no credentials are allowed; with listed origins they are. A request without an ``Origin`` (every server,
every page of the gateway's own origin) needs none of it, not even ``Vary: Origin``: no answer of ours may be used
from a cache without asking us again, and then the headers are those of the new answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

ANY_ORIGIN = "*"

PREFLIGHT_AGE_S = 600
"""How long a browser may remember a preflight, seconds: Starlette's default, so that a changed list soon works."""

_METHODS = ("GET", "HEAD")
_ORIGIN = b"origin"
_ASKED_METHOD = b"access-control-request-method"


@dataclass(frozen=True, slots=True)
class CrossOriginRules:
    """The origins whose pages may read our answers, and the headers that they may send and read."""

    origins: Sequence[str]
    request_headers: Sequence[str]
    response_headers: Sequence[str]


class CrossOrigin:
    """Passes requests with an ``Origin`` through Starlette's CORS middleware, and the others by it."""

    def __init__(self, app: ASGIApp, rules: CrossOriginRules) -> None:
        """Wrap ``app``."""
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=tuple(rules.origins),
            allow_methods=_METHODS,
            allow_headers=tuple(rules.request_headers),
            allow_credentials=ANY_ORIGIN not in rules.origins,
            expose_headers=tuple(rules.response_headers),
            max_age=PREFLIGHT_AGE_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        has_origin = scope["type"] == "http" and _ORIGIN in dict(scope["headers"])
        await (self._cors if has_origin else self._app)(scope, receive, send)


def is_preflight(scope: Scope) -> bool:
    """Tell whether a browser asks what it may ask (Fetch standard, "CORS-preflight request"): CORS answers it."""
    return scope["method"] == "OPTIONS" and {_ORIGIN, _ASKED_METHOD}.issubset(dict(scope["headers"]))
