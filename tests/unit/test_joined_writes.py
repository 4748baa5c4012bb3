"""The transport of an HTTP connection: what is written together goes out together, and nothing is held back."""

from __future__ import annotations

import asyncio

import pytest

from entrypoints.joined_writes import JoinedWrites


class Wire(asyncio.Transport):
    """A transport that takes down what it is told."""

    def __init__(self) -> None:
        """Start open, with ten bytes of an earlier answer that are not sent yet."""
        super().__init__()
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take down one call to the system."""
        self.sent.append(bytes(data))

    def close(self) -> None:
        """Close."""
        self.is_closed = True

    def abort(self) -> None:
        """Close."""
        self.is_closed = True

    def is_closing(self) -> bool:
        """Tell whether it is closed."""
        return self.is_closed

    def get_write_buffer_size(self) -> int:
        """Count what is left of the earlier answer."""
        return 10


@pytest.fixture
def wire() -> Wire:
    """Give an open wire."""
    return Wire()


@pytest.fixture
async def joined(wire: Wire) -> JoinedWrites:
    """Give the transport under test, around that wire."""
    return JoinedWrites(wire, asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_is_sent_at_once(joined: JoinedWrites, wire: Wire) -> None:
    """Head and body are one call to the system, at the end of the turn; the next turn's are another one."""
    for head, body in ((b"head", b"body"), (b"next ", bytearray(b"answer"))):
        joined.write(head)
        joined.write(body)
        await asyncio.sleep(0)

    assert [b"headbody", b"next answer"] == wire.sent


async def test_nothing_is_lost_when_it_is_closed(joined: JoinedWrites, wire: Wire) -> None:
    """What is written before the connection is closed goes out first, and only once."""
    joined.write(b"goodbye")
    joined.close()
    await asyncio.sleep(0)

    assert wire.is_closed
    assert [b"goodbye"] == wire.sent


async def test_nothing_is_sent_after_it_is_cut_off(joined: JoinedWrites, wire: Wire) -> None:
    """Who does not read gets no more; a connection that has gone by the end of the turn takes nothing either."""
    joined.write(b"nobody reads this")
    joined.abort()
    joined.write(b"nor this")
    await asyncio.sleep(0)

    assert wire.is_closed
    assert [] == wire.sent


async def test_what_is_not_sent_yet_is_counted(joined: JoinedWrites) -> None:
    """The size of what still has to go out includes what is held for the end of the turn."""
    joined.write(b"12345")

    assert 15 == joined.get_write_buffer_size()
