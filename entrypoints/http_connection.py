"""One HTTP connection that does not wait for ever: uvicorn's protocol, and the bounds that it lacks.

==========================================  ===========================================================================
a request that does not end                 the connection is closed after REQUEST_S_MAX, counted from the connection,
                                            and on a kept one from the first byte of the next request
a head that is too large                    400, and closed
an answer that is not read                  the connection is cut off: after ANSWER_S_MAX if it is so large that we
                                            wait for its reader, else when the kept connection's time is over
==========================================  ===========================================================================

Without them a client that sends a byte now and then, or reads none, holds a file descriptor as long as it likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from entrypoints.joined_writes import JoinedWrites
from entrypoints.response_head import send_at_once

REQUEST_S_MAX = 30.0
"""Longest time for a whole request to arrive, seconds; none of ours has a body. nginx gives the head alone 60."""

HEAD_BYTES_MAX = 64 * 1024
"""Largest head of a request: three tokens of the largest size that we look at (8 KiB each), and as much again."""

ANSWER_S_MAX = 60.0
"""Longest wait for a client to read, seconds, as nginx' send_timeout."""


class HttpConnection(HttpToolsProtocol):
    """A connection of one client."""

    _is_in_head = True
    _is_arriving = True
    _head_bytes = 0
    _request_timer: asyncio.TimerHandle | None = None
    _answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Expect the first request."""
        super().connection_made(JoinedWrites(transport, self.loop))
        self._time_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Time nothing any more."""
        _cancel(self._request_timer)
        _cancel(self._answer_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; refuse a head that is too large, and time a request that has not come as a whole."""
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")
        if self._is_arriving and self._request_timer is None:
            self._time_request()

    def on_message_begin(self) -> None:
        """Begin to count a request."""
        super().on_message_begin()
        self._is_in_head = self._is_arriving = True

    def on_headers_complete(self) -> None:
        """Stop counting: a body is not kept."""
        self._is_in_head = False
        self._head_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop timing the request: it is all here."""
        self._is_arriving = False
        _cancel(self._request_timer)
        self._request_timer = None
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override] # as Starlette
        """Answer a request: the application is given our way to send its answer."""
        super()._start_asgi_task(cycle, partial(_answered, app, cycle))

    def pause_writing(self) -> None:
        """Wait for a client that reads more slowly than we write, but not for ever."""
        super().pause_writing()
        self._answer_timer = self.loop.call_later(ANSWER_S_MAX, self._end)

    def resume_writing(self) -> None:
        """Go on writing."""
        _cancel(self._answer_timer)
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End a kept connection whose time is over, also one whose last answer nobody has read."""
        self._end()

    def _time_request(self) -> None:
        self._request_timer = self.loop.call_later(REQUEST_S_MAX, self._end)

    def _end(self) -> None:
        """Close in good order; where something is still to be written, that would wait for its reader: then cut off."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()


def _answered(
    app: ASGIApp, cycle: RequestResponseCycle, scope: Scope, receive: Receive, _send: Send
) -> Awaitable[None]:
    return app(scope, receive, partial(send_at_once, cycle))


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
