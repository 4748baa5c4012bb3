"""The head of an answer is the one that uvicorn would write, byte by byte, whatever the answer is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from entrypoints.response_head import plain_head, send_at_once
from tests.unit.test_joined_writes import Wire

Headers = Sequence[tuple[bytes, bytes]]

DATE = (b"date", b"Mon, 23 Nov 2026 12:00:00 GMT")
"""What the server adds to every answer."""

OURS: Headers = [
    (b"content-type", b"application/json"),
    (b"content-length", b"2"),
    (b"etag", b'"1f"'),
    (b"vary", b"Authorization, Cookie"),
]

PLAIN = st.lists(st.sampled_from([OURS[0], OURS[2], OURS[3], (b"x", b""), (b"x", b"caf\xe9")]), max_size=3)
LENGTHS = st.sampled_from([b"2", b"0", b"3", b"-1", b"two", b""])
NAMES = st.sampled_from([b"etag", b"ETag", b"content-length", b"connection", b"transfer-encoding", b""])
VALUES = st.sampled_from([b"2", b"0", b"", b"-1", b"two", b"close", b"keep-alive", b"chunked", b"caf\xe9", b"a\tb"])
WILD = st.lists(st.tuples(NAMES | st.binary(max_size=3), VALUES | st.binary(max_size=3)), max_size=4)
HEADERS = WILD | st.builds(lambda plain, length: [*plain, (b"content-length", length)], PLAIN, LENGTHS)
"""Anything; and heads that are plain, but perhaps for their length."""

STARTS = st.builds(
    lambda status, headers: {"type": "http.response.start", "status": status, "headers": headers},
    st.sampled_from([200, 204, 304, 404]),
    HEADERS,
)
BODIES = st.builds(
    lambda body, more: {"type": "http.response.body", "body": body, "more_body": more},
    st.sampled_from([b"{}", b"", b"{"]),
    st.booleans(),
)


class Exchange:
    """One request whose answer goes over a wire that takes it down."""

    def __init__(self, *, keep_alive: bool = True, disconnected: bool = False, method: str = "GET") -> None:
        """Begin it."""
        self.wire = Wire()
        self.cycle = RequestResponseCycle(
            scope={"method": method},  # type: ignore[typeddict-item] # of all its keys only this one is looked at
            transport=self.wire,
            flow=FlowControl(self.wire),
            logger=logging.getLogger(),
            access_logger=logging.getLogger(),
            access_log=False,
            default_headers=[DATE],
            message_event=asyncio.Event(),
            expect_100_continue=True,
            keep_alive=keep_alive,
            on_response=lambda: None,
        )
        self.cycle.disconnected = disconnected

    async def ours(self, message: Message) -> None:
        """Send as the service does."""
        await send_at_once(self.cycle, message)

    async def uvicorns(self, message: Message) -> None:
        """Send as uvicorn does."""
        await self.cycle.send(message)  # type: ignore[arg-type] # Starlette's type is wider

    def state(self) -> Sequence[object]:
        """Give all that the rest of uvicorn looks at."""
        cycle = self.cycle
        return (
            self.wire.sent,
            self.wire.is_closed,
            cycle.response_started,
            cycle.response_complete,
            cycle.waiting_for_100_continue,
            cycle.chunked_encoding,
            cycle.expected_content_length,
            cycle.keep_alive,
        )


def answered(exchange: Exchange, send: Callable[[Message], object], messages: Sequence[Message]) -> object:
    """Send an answer, and give what is seen of it: what the exchange has become, or the error."""

    async def answer() -> None:
        for message in messages:
            await send(dict(message))  # type: ignore[misc]

    try:
        asyncio.run(answer())
    except (RuntimeError, ValueError) as error:
        return type(error), str(error), exchange.wire.sent
    return exchange.state()


@given(
    messages=st.tuples(STARTS, BODIES) | st.lists(STARTS | BODIES, max_size=3),
    keep_alive=st.booleans(),
    disconnected=st.booleans(),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_every_answer_is_sent_as_uvicorn_sends_it(
    messages: Sequence[Message],
    keep_alive: bool,  # noqa: FBT001 - drawn
    disconnected: bool,  # noqa: FBT001
    method: str,
) -> None:
    """
    Bytes, errors, and what the connection remembers are uvicorn's, for good answers and for bad ones.

    So no test can tell who has written a head; how long it took, the benchmark of the reads tells.
    """
    one, other = (Exchange(keep_alive=keep_alive, disconnected=disconnected, method=method) for _ in range(2))

    assert answered(one, one.uvicorns, messages) == answered(other, other.ours, messages)


def test_an_answer_of_ours_has_a_plain_head() -> None:
    """What routes answer is written in one piece, and its body's length is known."""
    head = plain_head(200, [DATE, *OURS])

    assert head is not None
    assert head.body_length == 2
    assert head.written == (
        b"HTTP/1.1 200 OK\r\ndate: Mon, 23 Nov 2026 12:00:00 GMT\r\ncontent-type: application/json\r\n"
        b'content-length: 2\r\netag: "1f"\r\nvary: Authorization, Cookie\r\n\r\n'
    )


async def test_a_head_waits_for_a_client_that_reads_slowly() -> None:
    """While the connection takes nothing more, nothing more is written to it."""
    exchange = Exchange()
    exchange.cycle.flow.pause_writing()
    sending = asyncio.ensure_future(exchange.ours({"type": "http.response.start", "status": 200, "headers": [*OURS]}))
    await asyncio.sleep(0)
    written_before = [*exchange.wire.sent]
    exchange.cycle.flow.resume_writing()
    await sending

    assert [] == written_before
    assert exchange.wire.sent[0].startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "header",
    [
        (b"x", b"a\r\nset-cookie: b"),
        (b"x\r\n", b"a"),
        (b"x y", b"a"),
        (b"X-Name", b"a"),
        (b"connection", b"close"),
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"3"),
    ],
)
def test_what_is_not_plain_is_left_to_uvicorn(header: tuple[bytes, bytes]) -> None:
    """A header that could end another one, or that says something about the connection, is none of ours to write."""
    assert plain_head(200, [*OURS, header]) is None
