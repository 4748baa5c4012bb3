"""Frames that are read in pieces: the same ones as the client library reads, however the bytes arrive."""

from __future__ import annotations

import asyncio

import aiormq
import pytest
from aiormq import connection as library
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from adapters.rabbitmq.frame_reading import READER, PieceReader, read_in_pieces

Frames = list[tuple[int, int, str, object]]

LIBRARYS_OWN = library.FrameReceiver


def delivery(body: bytes) -> bytes:
    """Give the frames of one delivered message."""
    deliver = commands.Basic.Deliver("consumer", 1, redelivered=False, exchange="e", routing_key="k")
    header = ContentHeader(body_size=len(body), properties=commands.Basic.Properties(message_id="m"))
    contents = [marshal(ContentBody(body[start : start + 70_000]), 3) for start in range(0, len(body), 70_000)]
    return b"".join([marshal(deliver, 3), marshal(header, 3), *contents])


async def read(reader_class: type[library.FrameReceiver], sent: bytes, sizes: list[int]) -> tuple[Frames, str]:
    """Let the bytes arrive in pieces of these sizes, the rest at once; give what is read, and how it ends."""
    stream = asyncio.StreamReader()
    frames: Frames = []

    async def read_all() -> str:
        try:
            async for size, channel, frame in reader_class(stream):
                frames.append((size, channel, type(frame).__name__, getattr(frame, "value", None)))
        except (AMQPConnectionError, InvalidFrameError) as error:
            return type(error).__name__
        return "gone"

    reading = asyncio.ensure_future(read_all())
    for size in sizes:
        if sent[:size]:
            stream.feed_data(sent[:size])
        sent = sent[size:]
        await asyncio.sleep(0)
    stream.feed_data(sent)
    stream.feed_eof()
    return frames, await reading


@given(
    st.lists(st.binary(max_size=40) | st.just(bytes(100_000)) | st.none(), max_size=6),
    st.lists(st.integers(1, 200), max_size=8),
    st.integers(0, 60),
)
def test_it_reads_what_the_library_reads(bodies: list[bytes | None], sizes: list[int], missing: int) -> None:
    """Messages of any size and heartbeats between them, cut anywhere: the same frames in order, and the same end."""
    sent = b"".join(Heartbeat().marshal() if body is None else delivery(body) for body in bodies)
    sent = sent[: max(0, len(sent) - missing)]

    ours = asyncio.run(read(PieceReader, sent, list(sizes)))

    assert ours == asyncio.run(read(LIBRARYS_OWN, sent, list(sizes)))


async def test_a_frame_that_does_not_end_as_frames_end_is_an_error() -> None:
    """Bytes out of step are noticed: the connection is given up."""
    frame = bytearray(marshal(commands.Channel.CloseOk(), 1))
    frame[-1] = 0

    assert ([], "InvalidFrameError") == await read(PieceReader, bytes(frame), [])


def test_the_library_reads_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where aiormq looks for its reader, it finds ours; one that has renamed it is refused with a word."""
    read_in_pieces()
    assert aiormq.connection.FrameReceiver is PieceReader

    monkeypatch.delattr(library, READER)
    with pytest.raises(AttributeError, match=r"adapt frame_reading\.py"):
        read_in_pieces()
