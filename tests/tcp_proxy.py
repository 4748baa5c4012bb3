"""A TCP proxy between the service and a server: cuts connections, holds or slows what passes, and lets others look.

``cut`` resets as a crash of the peer would (RST). ``hold`` stops forwarding without a word, in one direction or both.
``pace`` makes a slow line of it. ``inspector`` sees each byte before it is forwarded, and may cut just there.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from yarl import URL

CHUNK_BYTES = 65_536

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: the close sends a reset instead of a goodbye."""


class Direction(Enum):
    """Which way bytes go."""

    TO_SERVER = auto()
    TO_CLIENT = auto()


@dataclass(frozen=True, slots=True)
class Pace:
    """How a line is slow: what comes waits ``latency_s``, leaves in pieces, and not faster than ``bytes_per_s``."""

    latency_s: float = 0.0
    bytes_per_s: float = float("inf")
    piece_bytes: int = CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Passage:
    """What an inspector lets pass; then the whole connection is cut if ``then_cut``."""

    forwarded: bytes
    then_cut: bool = False


class Inspector(Protocol):
    """Sees all that goes one way on one connection, from its beginning."""

    def take(self, chunk: bytes) -> Passage:
        """Take what has come; what is not let pass may be kept for later."""
        ...


class TcpProxy:
    """Forwards every connection to one server; see ``tcp_proxy``. ``inspector`` is asked for each new line."""

    def __init__(self, target: URL) -> None:
        """Forward to the host and port of ``target``."""
        self._target = target
        self._forwarding = {direction: asyncio.Event() for direction in Direction}
        self.release()
        self._is_refusing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[_Connection] = set()
        self.url = ""
        self.pace = Pace()
        self.inspector: Callable[[Direction], Inspector] | None = None

    def cut(self) -> None:
        """Reset every connection there is."""
        for connection in self._connections:
            connection.cut()

    def refuse(self) -> None:
        """Reset every connection there is, and each new one."""
        self._is_refusing = True
        self.cut()

    def accept(self) -> None:
        """Take new connections again."""
        self._is_refusing = False

    def hold(self, *directions: Direction) -> None:
        """Forward nothing any more in these directions, or in both; connections stay open, and can be made."""
        for direction in directions or Direction:
            self._forwarding[direction].clear()

    def release(self) -> None:
        """Forward again, what was held included."""
        for forwarding in self._forwarding.values():
            forwarding.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection."""
        if self._is_refusing:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:  # nobody listens: neither do we
            writer.transport.abort()
            return
        connection = _Connection((writer, there_writer))
        self._connections.add(connection)
        lines = ((Direction.TO_SERVER, reader, there_writer), (Direction.TO_CLIENT, there_reader, writer))
        for direction, source, sink in lines:
            task = asyncio.ensure_future(self._forward(direction, source, sink, connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """End every connection."""
        self.cut()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _forward(
        self, direction: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        inspector = self.inspector(direction) if self.inspector else None
        with suppress(ConnectionError):
            while chunk := await source.read(CHUNK_BYTES):
                await asyncio.sleep(self.pace.latency_s)
                await self._forwarding[direction].wait()
                passage = inspector.take(chunk) if inspector else Passage(chunk)
                await self._write(passage.forwarded, sink)
                if passage.then_cut:
                    connection.cut()
        sink.close()
        with suppress(ConnectionError):
            await sink.wait_closed()
        if connection.is_closed:
            self._connections.discard(connection)

    async def _write(self, chunk: bytes, sink: asyncio.StreamWriter) -> None:
        for piece in _pieces(chunk, self.pace.piece_bytes):
            sink.write(piece)
            await sink.drain()
            await asyncio.sleep(len(piece) / self.pace.bytes_per_s)


class _Connection:
    """The two sockets of one forwarded connection."""

    def __init__(self, writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self._writers = writers

    @property
    def is_closed(self) -> bool:
        """Say whether both are closed."""
        return all(writer.is_closing() for writer in self._writers)

    def cut(self) -> None:
        """Reset both."""
        for writer in self._writers:
            if not writer.is_closing():
                sock: socket.socket = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            writer.transport.abort()


def _pieces(chunk: bytes, piece_bytes: int) -> Iterator[bytes]:
    for start in range(0, len(chunk), piece_bytes):
        yield chunk[start : start + piece_bytes]


@asynccontextmanager
async def tcp_proxy(url: str) -> AsyncIterator[TcpProxy]:
    """Listen on a free loopback port; ``proxy.url`` is ``url`` with that port."""
    target = URL(url)
    proxy = TcpProxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.url = str(target.with_host("127.0.0.1").with_port(port))
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()
