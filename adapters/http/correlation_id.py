"""Give every request an id, in every line of the log about it and in its answer: the gateway's, or one of ours.

The id that somebody else chose ends in our log, so it is taken only when it is short and plain. Written by ourselves:
what a library would add to these few lines, validation by a pattern and a generator, is what it wants to be given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextvars import ContextVar
from random import getrandbits

from structlog.typing import EventDict, WrappedLogger

CORRELATION_HEADER = "X-Request-ID"
"""What gateways call it (nginx, Envoy, Heroku)."""

CORRELATION_ID_BYTES = 16
"""As long as a trace id (W3C Trace Context, section 3.2.2.3)."""

_HEADER = CORRELATION_HEADER.lower().encode("ascii")
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
"""No spaces, no line breaks, no novels."""

_current: ContextVar[str] = ContextVar("correlation_id")
"""The id of the request that is being answered. structlog's own variables take four times as long, for every line."""


def correlation_header(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """
    Bind the id of a request with these headers to the lines of its log, and give the header that tells it.

    Nothing is ever unbound: each request binds its own. What a request starts for itself, as the fetch of a key, has
    its id too; what it starts for many must not (``shared_query``).
    """
    correlation_id = _given(headers) or _made()
    _current.set(correlation_id)
    return _HEADER, correlation_id.encode("ascii")


def with_correlation_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the id of the request that a line is about, if it is about one: a processor of structlog."""
    correlation_id = _current.get(None)
    if correlation_id is not None:
        event["correlation_id"] = correlation_id
    return event


def _given(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Give the id that came with the request, unless it could garble a log."""
    for name, value in headers:
        if name == _HEADER:
            text = value.decode("latin-1")
            return text if _PLAIN.fullmatch(text) else None
    return None


def _made() -> str:
    # It names a request and opens nothing, so it may be guessed; the system's randomness costs a call to the system.
    return f"{getrandbits(8 * CORRELATION_ID_BYTES):0{2 * CORRELATION_ID_BYTES}x}"
