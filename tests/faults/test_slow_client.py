"""Clients that send slowly, stop in the middle, or do not read (T93)."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx2
import pytest

from adapters.embedded.free_port import LOOPBACK
from adapters.http.paths import DOCUMENTATION_PATH
from tests.e2e.deployment import STATEMENT, WALLET
from tests.faults.scene import Scene, handles
from tests.faults.stage import Stage
from tests.fixtures.wallet_process import WalletProcess
from tests.neighbour import eventually

CLIENTS = 200

BOUNDS_S = 3.0
IMPATIENT = f"""
import entrypoints.http, entrypoints.http_connection
entrypoints.http.KEEP_ALIVE_S = {BOUNDS_S}
entrypoints.http_connection.REQUEST_S_MAX = {BOUNDS_S}
entrypoints.http_connection.ANSWER_S_MAX = {BOUNDS_S}
"""
"""A process that waits for its clients for some seconds only, and not for half a minute or a minute."""

ANSWER_S_MAX = 2.0
"""How soon the others get their answer meanwhile, seconds."""

ENDED_S_MAX = 20.0
"""How soon the descriptors must be free after the bound is over."""

HANDLES_MORE_MAX = 10
"""Descriptors that may stay: connections of the pools."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a reset (socket(7))."""


@contextmanager
def clients(service: WalletProcess, count: int, *, receive_bytes: int | None = None) -> Iterator[list[socket.socket]]:
    """Connect so many clients; they leave without a word. ``receive_bytes`` is how much each can take unread."""
    with ExitStack() as stack:
        connected = []
        for _ in range(count):
            client = stack.enter_context(socket.socket())
            if receive_bytes is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            client.connect((LOOPBACK, service.port))
            connected.append(client)
        yield connected


async def impatient(scene: Scene) -> None:
    """Start the process with short bounds, and open the wallets."""
    scene.service.launch(before=IMPATIENT)
    await scene.service.wait_ready()
    await scene.open()


async def handles_rise(scene: Scene, above: int) -> None:
    """Wait until the process has taken the connections."""

    async def have() -> bool:
        return handles(scene.service.pid) > above

    await eventually(have, "the connections are taken", BOUNDS_S)


async def handles_return(scene: Scene, before: int) -> None:
    """Wait until the process holds as many descriptors as before."""

    async def have() -> bool:
        return handles(scene.service.pid) <= before + HANDLES_MORE_MAX

    await eventually(have, "the descriptors are free again", ENDED_S_MAX)


async def others_are_served(scene: Scene) -> None:
    """A balance is read, and an event is applied, as if nobody else were there."""
    began_at_s = time.monotonic()
    assert await scene.balance_minor(scene.service, scene.load.users[0]) is not None
    assert time.monotonic() - began_at_s < ANSWER_S_MAX
    await scene.client.send(scene.load.transfer())
    await scene.answered()


@pytest.mark.fault(
    "T93", "200 clients that never finish a request", "raw sockets: no byte, half a head, a body that does not come"
)
async def test_a_request_that_does_not_end_is_ended(stage: Stage) -> None:
    """The others are served meanwhile; after the bound the connections are closed, whatever their clients do."""
    half_sent = (
        b"",
        b"GET /health HTTP/1.1\r\nHost: wallet\r\nX-Slow: ",
        b"POST /health HTTP/1.1\r\nHost: wallet\r\nContent-Length: 1000\r\n\r\nsome",
        b"GET /health HTTP/1.1\r\nHost: wallet\r\n\r\nGET /health HT",
    )
    async with stage.scene(started=False) as scene:
        await impatient(scene)
        before = handles(scene.service.pid)
        with clients(scene.service, CLIENTS) as slow:
            for index, client in enumerate(slow):
                client.sendall(half_sent[index % len(half_sent)])
            await handles_rise(scene, before + CLIENTS // 2)
            await others_are_served(scene)

            await handles_return(scene, before)


@pytest.mark.fault(
    "T93", "50 clients that ask for a large answer and read nothing", "raw sockets with small receive buffers"
)
async def test_an_answer_that_nobody_reads_is_not_kept(stage: Stage) -> None:
    """After the bound the connection is reset: an answer that waits for its reader is no reason to wait for ever."""
    question = f"GET {DOCUMENTATION_PATH} HTTP/1.1\r\nHost: wallet\r\n\r\n".encode()
    async with stage.scene(started=False) as scene:
        await impatient(scene)
        await scene.service.http.get(DOCUMENTATION_PATH)  # made once, when somebody asks for it
        before = handles(scene.service.pid)
        with clients(scene.service, CLIENTS // 4, receive_bytes=4_096) as deaf:
            for client in deaf:
                client.sendall(question)
            await others_are_served(scene)

            await handles_return(scene, before)


@pytest.mark.fault("T93", "500 clients that leave in the middle of an answer", "raw sockets, reset after the question")
async def test_a_client_that_leaves_costs_nothing(stage: Stage) -> None:
    """Whoever asks and does not wait leaves nothing behind: no descriptor, no error in the log."""
    async with stage.scene() as scene:
        before = handles(scene.service.pid)
        headers = f"Host: wallet\r\nAuthorization: Bearer {scene.token(scene.load.users[0])}\r\n\r\n"
        for _ in range(5):
            for path in (WALLET, STATEMENT, "/metrics", "/health/ready", DOCUMENTATION_PATH):
                with clients(scene.service, 20) as leaving:
                    for client in leaving:
                        client.sendall(f"GET {path} HTTP/1.1\r\n{headers}".encode())
                    await asyncio.sleep(0)  # the proxies of the scene share this loop
        await others_are_served(scene)
        await handles_return(scene, before)

        assert not scene.service.lines("http_unexpected_error")
        assert "Traceback" not in scene.service.log
        assert httpx2.codes.OK == (await scene.service.http.get("/health")).status_code
