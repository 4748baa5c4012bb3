"""Loses the replies to commits: the commit reaches the database and happens, and nobody is told.

A fail point cannot do that: it closes the connection instead of running the command. ``ReplyLoss`` stands before the
database, lets everything through, and resets a connection at the reply to a commit, as often as it is told to.

A commit is one message of some hundred bytes, which the driver writes at once: on the loopback it arrives in one piece,
and its reply too. Were that not so, ``lost`` would not rise, and the test that waits for it would say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from yarl import URL

from adapters.embedded.free_port import LOOPBACK
from tests.tcp_proxy import CHUNK_BYTES

COMMIT = b"commitTransaction"


class ReplyLoss:
    """Forwards every connection to one server; see ``reply_loss``. ``to_lose`` replies are lost from now on."""

    def __init__(self, target: URL) -> None:
        """Lose nothing yet."""
        self.port = 0
        self.to_lose = 0
        self.lost = 0
        self._target = target
        self._serving: set[asyncio.Event] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until one of its ends closes, or a reply is lost."""
        there_reader, there_writer = await asyncio.open_connection(self._target.host, self._target.port)
        writers, ended = {writer, there_writer}, asyncio.Event()
        self._writers |= writers
        self._serving.add(ended)
        connection = _Connection(self)
        directions = [
            asyncio.ensure_future(connection.forward_questions(reader, there_writer)),
            asyncio.ensure_future(connection.forward_replies(there_reader, writer)),
        ]
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        _abort(writers)
        await asyncio.wait(directions)
        self._writers -= writers
        self._serving.discard(ended)
        ended.set()

    async def end(self) -> None:
        """Reset every connection, and wait for their end."""
        serving = tuple(self._serving)
        _abort(self._writers)
        for ended in serving:
            await ended.wait()


class _Connection:
    """One connection: whether its last question was a commit. A driver asks one question at a time."""

    def __init__(self, loss: ReplyLoss) -> None:
        self._loss = loss
        self._has_commit = False

    async def forward_questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK_BYTES):
                self._has_commit = COMMIT in chunk
                writer.write(chunk)
                await writer.drain()

    async def forward_replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self._has_commit and self._loss.to_lose:
                    self._loss.to_lose -= 1
                    self._loss.lost += 1
                    return
                writer.write(chunk)
                await writer.drain()


def _abort(writers: Iterable[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.transport.abort()


@asynccontextmanager
async def reply_loss(url: str) -> AsyncIterator[ReplyLoss]:
    """Listen on a free loopback port, ``loss.port``, before the server of ``url``."""
    target = URL(url)
    loss = ReplyLoss(target)
    server = await asyncio.start_server(loss.serve, LOOPBACK, 0)
    loss.port = server.sockets[0].getsockname()[1]
    try:
        yield loss
    finally:
        server.close()
        await loss.end()
        await server.wait_closed()
