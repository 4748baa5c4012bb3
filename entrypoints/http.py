"""The HTTP server's life: bind first, serve until told to stop, then finish what was accepted.

The socket is bound before anything else is started, so a port in use is said at once and in plain words.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from entrypoints.http_connection import HttpConnection
from entrypoints.start_refused import StartRefused

KEEP_ALIVE_S = 75
"""Idle connections are kept longer than the gateway's 60 s (contract), so that it never writes into a closing one."""

CONNECTIONS_WAITING_MAX = 2048
"""Connections that the kernel keeps while we are busy: uvicorn's default, made explicit."""


class HttpServer(uvicorn.Server):
    """uvicorn without signal handlers of its own: the service decides when it stops."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the service."""
        yield

    def stop(self) -> None:
        """Ask for the end: accept nothing new, finish what was accepted."""
        self.should_exit = True


def http_server(app: ASGIApp, graceful_shutdown_ms: int) -> HttpServer:
    """Make a server for ``app`` that waits at most ``graceful_shutdown_ms`` for open requests when it stops."""
    return HttpServer(
        uvicorn.Config(
            app,
            loop="none",
            http=HttpConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=CONNECTIONS_WAITING_MAX,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, graceful_shutdown_ms // 1_000),
        )
    )


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind the address to listen on; port 0 takes a free one. Raises StartRefused when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=CONNECTIONS_WAITING_MAX, reuse_port=False)
    except OSError as error:
        msg = f"cannot listen on {host}:{port} ({error.strerror}): end what uses the port, or set PORT to another one"
        raise StartRefused(msg) from error
