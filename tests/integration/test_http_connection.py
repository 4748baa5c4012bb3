"""Connections of the HTTP server that send slowly, too much, or do not read: none is kept for ever."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.embedded.free_port import LOOPBACK
from entrypoints import http, http_connection
from entrypoints.http import bound_socket, http_server

BOUND_S = 0.3

ENDED_S_MAX = 10.0

LARGE_BYTES = 20_000_000
"""More than the system keeps for a client that reads nothing."""


async def small(_request: Request) -> Response:
    """Answer at once."""
    return Response(b"well")


async def large(_request: Request) -> Response:
    """Answer with much."""
    return Response(bytes(LARGE_BYTES))


@pytest.fixture(autouse=True)
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for clients for less than a second."""
    monkeypatch.setattr(http_connection, "REQUEST_S_MAX", BOUND_S)
    monkeypatch.setattr(http_connection, "ANSWER_S_MAX", BOUND_S)
    monkeypatch.setattr(http, "KEEP_ALIVE_S", 2 * BOUND_S)


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """Serve; give the port."""
    server = http_server(Starlette(routes=[Route("/small", small), Route("/large", large)]), 1_000)
    listening = bound_socket(LOOPBACK, 0)
    task = asyncio.ensure_future(server.serve([listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.stop()
        await asyncio.wait([task])
        listening.close()


async def all_received(port: int, *sent: bytes) -> bytes:
    """Send some pieces, and give what comes until the server ends the connection."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        for piece in sent:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(ENDED_S_MAX):
            return await reader.read()
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /small HTTP/1.1\r\nHost: a\r\nX-Slow:", b"GET /small HTTP/1.1\r\nHost: a\r\n\r\nGET /sm"],
    ids=["no byte", "half a head", "half a head on a kept connection"],
)
async def test_a_request_that_does_not_end_is_ended(sent: bytes) -> None:
    """The connection is closed after REQUEST_S_MAX; what was asked in full before is answered."""
    async with serving() as port:
        received = await all_received(port, sent)

    assert received.endswith(b"well") == (b"\r\n\r\n" in sent)


async def test_a_second_request_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a kept connection the time of a request begins with its first byte, long before the connection's is over."""
    monkeypatch.setattr(http, "KEEP_ALIVE_S", 10 * ENDED_S_MAX)
    async with serving() as port:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"well")
        writer.write(b"GET /sm")

        async with asyncio.timeout(ENDED_S_MAX):
            rest = await reader.read()
        writer.transport.abort()

    assert rest == b""


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """A body that trickles in keeps no connection open, though every byte is a sign of life."""
    async with serving() as port:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        writer.write(b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        async with asyncio.timeout(ENDED_S_MAX):
            while not reader.at_eof():
                writer.write(b"x")
                await reader.read(1_000)
        writer.transport.abort()


async def test_a_head_without_end_is_refused() -> None:
    """A client that sends headers for ever is answered 400 before it fills the memory."""
    async with serving() as port:
        line = b"X-More: " + b"m" * 1_000 + b"\r\n"
        received = await all_received(port, b"GET /small HTTP/1.1\r\n", line * 70)

    assert received.startswith(b"HTTP/1.1 400 ")


async def test_an_answer_that_nobody_reads_is_not_kept() -> None:
    """A client that reads nothing of a large answer is cut off: the rest of it does not come."""
    async with serving() as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.setblocking(False)  # noqa: FBT003 - the standard library's
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, (LOOPBACK, port))
            await loop.sock_sendall(client, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.sleep(4 * BOUND_S)  # reads nothing: that is the fault
            received = 0
            async with asyncio.timeout(ENDED_S_MAX):
                while chunk := await loop.sock_recv(client, 65_536):
                    received += len(chunk)

    assert received < LARGE_BYTES


async def test_requests_in_a_row_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that behaves is not cut off: each request begins a new time."""
    monkeypatch.setattr(http_connection, "REQUEST_S_MAX", 1.0)
    monkeypatch.setattr(http, "KEEP_ALIVE_S", 10.0)
    async with serving() as port:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        for _ in range(5):
            await asyncio.sleep(0.3)  # each alone is well within the bound, all together are not
            writer.write(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"well")).startswith(b"HTTP/1.1 200 ")
        writer.transport.abort()
