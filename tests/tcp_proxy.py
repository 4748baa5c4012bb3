"""A TCP proxy between the service and a server: cuts all connections, or stops forwarding without a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from yarl import URL

CHUNK_BYTES = 65_536


class TcpProxy:
    """Forwards every connection to one server; see ``tcp_proxy``."""

    def __init__(self, target: URL) -> None:
        """Forward to the host and port of ``target``."""
        self._target = target
        self._forwarding = asyncio.Event()
        self._forwarding.set()
        self._is_refusing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    def cut(self) -> None:
        """Reset every connection there is."""
        for writer in self._writers:
            writer.transport.abort()

    def refuse(self) -> None:
        """Reset every connection there is, and each new one."""
        self._is_refusing = True
        self.cut()

    def accept(self) -> None:
        """Take new connections again."""
        self._is_refusing = False

    def hold(self) -> None:
        """Forward nothing any more; connections stay open, and can be made."""
        self._forwarding.clear()

    def release(self) -> None:
        """Forward again, what was held included."""
        self._forwarding.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection."""
        if self._is_refusing:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection(self._target.host, self._target.port)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            self._writers.add(sink)
            task = asyncio.ensure_future(self._forward(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """End every connection."""
        self.cut()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await source.read(CHUNK_BYTES):
                await self._forwarding.wait()
                sink.write(chunk)
                await sink.drain()
        self._writers.discard(sink)
        sink.close()
        with suppress(ConnectionError):
            await sink.wait_closed()


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
