"""Read from the broker in large pieces, and cut them into frames.

For each frame the client library waits three times for a few bytes, under a lock, and copies them into a buffer: two
thirds of what reading a frame costs, and a message has three of them. What is read here is handed to the same decoder.
"""

from __future__ import annotations

import asyncio
from collections import deque
from struct import Struct

from aiormq import connection as library
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError
from pamqp import frame
from pamqp.exceptions import PAMQPException

PIECE_BYTES = 32 * 1024
"""Most that is read at once: some 70 events of the usual size, so that nothing else on the loop waits for long."""

READER = "FrameReceiver"
"""What aiormq 7.2 calls the part that is replaced. A test reads by it, so a library that has renamed it is noticed."""

_HEAD = Struct(">BHI")
"""Type, channel and length of a frame; its content and one byte for its end follow (AMQP 0-9-1, section 4.2.3)."""

_FRAME_BYTES_MIN = _HEAD.size + 1


class PieceReader(library.FrameReceiver):
    """The frames of one connection, in order."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        """Take the stream."""
        super().__init__(reader)
        self._frames: deque[bytes] = deque()
        self._rest = b""

    async def get_frame(self) -> tuple[int, int, frame.FrameTypes]:
        """
        Give the next frame with its size and channel, as ``pamqp`` does.

        Raises AMQPConnectionError when the connection is gone, StopAsyncIteration when it was gone already, and
        InvalidFrameError: as the method that this replaces.
        """
        while not self._frames:
            await self._read_piece()
        try:
            return frame.unmarshal(self._frames.popleft())
        except PAMQPException as error:
            raise InvalidFrameError(str(error)) from error

    async def _read_piece(self) -> None:
        if self.reader.at_eof() and not self._rest:
            raise StopAsyncIteration
        try:
            piece = await self.reader.read(PIECE_BYTES)
        except OSError as error:
            raise AMQPConnectionError(f"Server communication error: {error!r}") from error
        if not piece:
            raise AMQPConnectionError(f"Server connection unexpectedly closed, {len(self._rest)} bytes into a frame")
        self._cut(self._rest + piece)

    def _cut(self, read: bytes) -> None:
        start = 0
        while len(read) - start >= _FRAME_BYTES_MIN:
            _, _, length = _HEAD.unpack_from(read, start)
            end = start + _FRAME_BYTES_MIN + length
            if end > len(read):
                break
            self._frames.append(read[start:end])
            start = end
        self._rest = read[start:]


def read_in_pieces() -> None:
    """Have every connection of this process that is opened from now on read by ``PieceReader``."""
    if not hasattr(library, READER):
        raise AttributeError(f"aiormq has no {READER} any more: adapt frame_reading.py to this version")
    setattr(library, READER, PieceReader)
