"""The only way to one member of a replica set: knows who connects, and can part it from any other member.

Clients and the other members all come to one port. Each other member has a link of its own behind it (a ``TcpProxy``),
found by asking the system whose socket has connected; everybody else comes in as a client, and so does the member
itself, which looks for its own address when it starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import psutil
from yarl import URL

from adapters.embedded import Mongod
from adapters.embedded.free_port import LOOPBACK
from tests.tcp_proxy import TcpProxy


class MemberProxy:
    """Forwards to ``member``; ``links`` has what comes from each of the others, by their own ports."""

    def __init__(self, member: Mongod, others: Sequence[Mongod]) -> None:
        """Forward everything."""
        target = URL.build(scheme="mongodb", host=LOOPBACK, port=member.port)
        self.clients = TcpProxy(target)
        self.links = {other.port: TcpProxy(target) for other in others}
        self.port = 0
        self._others = tuple(others)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection; a member that does not listen resets it."""
        source = self._source(writer.get_extra_info("peername")[1])
        link = self.clients if source is None else self.links[source.port]
        try:
            await link.serve(reader, writer)
        except OSError:
            writer.transport.abort()

    async def end(self) -> None:
        """End every connection."""
        for link in (self.clients, *self.links.values()):
            await link.end()

    def _source(self, peer_port: int) -> Mongod | None:
        """Give the other member that has connected from a port; None when it was a client."""
        return next((other for other in self._others if peer_port in _ports_towards(other, self.port)), None)


@asynccontextmanager
async def member_proxy(member: Mongod, others: Sequence[Mongod]) -> AsyncIterator[MemberProxy]:
    """Listen on a free loopback port, ``proxy.port``."""
    proxy = MemberProxy(member, others)
    server = await asyncio.start_server(proxy.serve, LOOPBACK, 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()


def _ports_towards(member: Mongod, port: int) -> set[int]:
    """Give the local ports of a member's connections to a port; none when it does not run."""
    if not member.is_running:
        return set()
    with suppress(psutil.NoSuchProcess):
        connections = psutil.Process(member.pid).net_connections("tcp4")
        return {one.laddr.port for one in connections if one.raddr[1:] == (port,)}  # of one that listens it is ()
    return set()
