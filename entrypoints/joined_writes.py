"""A transport that sends together what is written together: the head of an answer and its body with one system call.

uvicorn writes them one after the other, and each call wakes the reader: together they cost a fifth of a small answer.
What is written in one turn of the loop goes out at the end of that turn, or before the connection is closed.
"""

from __future__ import annotations

import asyncio


class JoinedWrites(asyncio.Transport):
    """A transport around the loop's own. What is not listed here is not used by our protocol, and raises."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Take the connection's transport."""
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send this with whatever else is written in this turn."""
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(bytes(data))

    def close(self) -> None:
        """Send what is written, then close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what is not sent yet is dropped."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Tell whether the connection is closed, or will be."""
        return self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """Count the bytes that are not sent yet."""
        return self._transport.get_write_buffer_size() + sum(map(len, self._pieces))

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Give what is known of the connection."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def _flush(self) -> None:
        if self._pieces and not self._transport.is_closing():
            self._transport.write(b"".join(self._pieces))
        self._pieces.clear()
