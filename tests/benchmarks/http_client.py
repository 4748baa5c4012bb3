"""The load of every read: keep-alive connections that each ask, wait for the whole answer, and ask again.

::

    python -m tests.benchmarks.http_client PORT CONNECTIONS SECONDS REQUESTS_FILE [EXPECTED]

REQUESTS_FILE holds whole requests, one JSON string a line; the connections walk through it from different places. First
each request is sent once, and its body must hold the text that stands in the line behind it in EXPECTED, if that is
given; this also fills whatever cache there is. Then the load runs for SECONDS. Says one line of JSON: how long the
first looks took in all; of the load its answers, their statuses, and the 50th and 99th percentile of the time to an
answer, in milliseconds.

A bare protocol on uvloop, so that the client is not what is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.benchmarks.fast_loop import run_fast
from tests.benchmarks.figures import percentile

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
STATUS = slice(9, 12)
"""Where the status stands in ``HTTP/1.1 200 OK``."""

CONNECTED_S_MAX = 10.0
MS = 1_000


@dataclass(slots=True)
class Answers:
    """What has come back while it counts."""

    statuses: Counter[bytes] = field(default_factory=Counter)
    times_s: list[float] = field(default_factory=list)


class Asker(asyncio.Protocol):
    """One connection. ``done`` is set when it has stopped asking."""

    def __init__(self, requests: Sequence[bytes], first: int) -> None:
        """Begin with request number ``first``."""
        self._requests = requests
        self._next = first
        self._write: Callable[[bytes], None] = _not_connected
        self._received = b""
        self._asked_at_s = 0.0
        self._answered: asyncio.Future[bytes] | None = None
        self.answers = Answers()
        self.is_asking = False
        self.done = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._write = cast("asyncio.Transport", transport).write  # uvloop's is none of asyncio's

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Count a lost connection as an answer of its own status: none is expected."""
        if self.is_asking:
            self.answers.statuses[b"connection lost"] += 1
            self.done.set()

    def data_received(self, data: bytes) -> None:
        """Take in what has come; ask again when the answer is whole."""
        self._received = self._received + data if self._received else data
        head = self._received.find(HEAD_END)
        if head < 0:
            return
        at = self._received.lower().find(LENGTH, 0, head)
        length = int(self._received[at + len(LENGTH) : self._received.find(b"\r\n", at)])
        whole = head + len(HEAD_END) + length
        if len(self._received) < whole:
            return
        answer, self._received = self._received, b""
        if self._answered is not None:
            self._answered.set_result(answer)
            return
        self.answers.times_s.append(time.perf_counter() - self._asked_at_s)
        self.answers.statuses[answer[STATUS]] += 1
        if self.is_asking:
            self._send()
        else:
            self.done.set()

    async def ask_once(self, request: bytes) -> bytes:
        """Send one request, and give the whole answer."""
        self._answered = asyncio.get_running_loop().create_future()
        self._write(request)
        answer = await self._answered
        self._answered = None
        return answer

    def begin(self) -> None:
        """Ask and ask again, until ``is_asking`` is false."""
        self.is_asking = True
        self._send()

    def _send(self) -> None:
        request = self._requests[self._next]
        self._next = (self._next + 1) % len(self._requests)
        self._asked_at_s = time.perf_counter()
        self._write(request)


def _not_connected(_: bytes) -> None:
    raise ConnectionError("not connected yet")


async def load(port: int, connections: int, seconds: float, requests: Sequence[bytes], expected: Sequence[str]) -> None:
    """Warm up, run the load, and say what came back."""
    loop = asyncio.get_running_loop()
    askers = []
    async with asyncio.timeout(CONNECTED_S_MAX):
        for number in range(connections):
            first = number * len(requests) // connections
            _, asker = await loop.create_connection(lambda at=first: Asker(requests, at), "127.0.0.1", port)  # type: ignore[misc]
            askers.append(asker)
    looking_since_s = time.perf_counter()
    await asyncio.gather(
        *(_look(asker, range(n, len(requests), connections), requests, expected) for n, asker in enumerate(askers))
    )
    began_s = time.perf_counter()
    looked_s = began_s - looking_since_s
    for asker in askers:
        asker.begin()
    await asyncio.sleep(seconds)
    answered = sum(len(asker.answers.times_s) for asker in askers)
    took_s = time.perf_counter() - began_s
    for asker in askers:
        asker.is_asking = False
    await asyncio.gather(*(asker.done.wait() for asker in askers))
    sys.stdout.write(json.dumps({"looked_s": looked_s, **_result(askers, answered, took_s)}) + "\n")


async def _look(asker: Asker, numbers: range, requests: Sequence[bytes], expected: Sequence[str]) -> None:
    """Ask each of these once, and see that the answer is the one about it."""
    for number in numbers:
        answer = (await asker.ask_once(requests[number])).decode()
        wanted = expected[number] if expected else ""
        assert answer.startswith("HTTP/1.1 200 "), answer
        assert wanted in answer, f"{wanted} is not in {answer}"


def _result(askers: Sequence[Asker], answered: int, took_s: float) -> dict[str, object]:
    statuses: Counter[str] = Counter()
    times_ms = [time_s * MS for asker in askers for time_s in asker.answers.times_s]
    for asker in askers:
        statuses.update({status.decode(): count for status, count in asker.answers.statuses.items()})
    return {
        "answers": answered,
        "seconds": took_s,
        "statuses": dict(statuses),
        "p50_ms": percentile(times_ms, 50),
        "p99_ms": percentile(times_ms, 99),
    }


def _lines(file: str) -> list[str]:
    return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Run it as its own process."""
    port, connections, seconds, requests, *expected = sys.argv[1:]
    wanted = _lines(expected[0]) if expected else []
    run_fast(load(int(port), int(connections), float(seconds), [line.encode() for line in _lines(requests)], wanted))


if __name__ == "__main__":
    main()
