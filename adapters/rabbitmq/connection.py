"""Connections to the broker: opened with every option said, kept up without end, closed within a bound.

``keep_connected`` runs one piece of work on a connection; when the connection, or anything the work needs of it, is
lost, it backs off and runs the work on a new one. The reconnecting of aio-pika itself is not used: it restores what
it remembers, not what is there, and pauses without jitter.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from structlog.typing import FilteringBoundLogger
from yarl import URL

from adapters.rabbitmq.backoff import Backoff
from adapters.rabbitmq.frame_reading import read_in_pieces
from adapters.rabbitmq.frame_tolerance import tolerate_unreadable_properties
from adapters.rabbitmq.observer import Observer

T = TypeVar("T")

HEARTBEAT_S = 10
"""Heartbeat asked for, seconds, unless the URL says another. RabbitMQ's guide calls 5 to 20 optimal. The broker
takes a silent client for dead after two, the library a silent broker after three and a bit."""

CONNECT_TIMEOUT_S = 10.0
"""Longest wait for a connection, handshake included, seconds: the broker's own handshake timeout."""

CLOSE_TIMEOUT_S = 3.0
"""Longest wait for a goodbye, seconds: the library waits two for the broker's."""

BACKOFF_INITIAL_S = 0.1
BACKOFF_MAX_S = 10.0
"""First and longest pause between two connections, seconds: a restarted broker is found again within the longest."""

STABLE_AFTER_S = 30.0
"""A connection that lived this long, seconds, was a good one: after it the pauses begin anew."""

BROKER_ERRORS: tuple[type[BaseException], ...] = (*CONNECTION_EXCEPTIONS, TimeoutError)
"""Whatever the client library raises when the broker is away, refuses or is cut off (its own list), and time-outs."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class SessionLost(ConnectionError):
    """A connection, a channel or a consumer is gone; what was delivered through it comes again."""


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """Whether a connection is up; ``reason`` says why not, in words for a person."""

    connected: bool
    reason: str | None = None


@contextmanager
def only_our_cancellation() -> Iterator[None]:
    """
    Turn a cancellation that nobody asked for into SessionLost, and let through the one that was asked for.

    The client library ends the calls that wait on a channel or connection it closes with a ``CancelledError`` of its
    own (aiormq 7.2, ``Base.close``). Let through, it would end the task that waits, as if we had been asked to stop.
    A cancellation that comes while it closes something, it turns into an error of its own, or into nothing.
    """
    task = asyncio.current_task()
    asked_before = task.cancelling() if task else 0
    try:
        yield
    except asyncio.CancelledError as error:
        if task is None or task.cancelling():
            raise
        raise SessionLost("the client library gave up a call on a channel that it has closed") from error
    finally:
        if task is not None and task.cancelling() > asked_before:
            raise asyncio.CancelledError


@asynccontextmanager
async def answer_within(timeout_s: float) -> AsyncIterator[None]:
    """
    Ask the client library for something, and wait for it so long. Raises TimeoutError, SessionLost.

    Its own ``timeout=`` is never used: it waits by ``asyncio.wait_for``, which in Python 3.11 forgets a cancellation
    that comes in the moment of the answer (cpython issue 86296). The task would go on, and whoever waits for its end
    would wait for ever.
    """
    with only_our_cancellation():
        async with asyncio.timeout(timeout_s):
            yield


@asynccontextmanager
async def connected(url: str, name: str) -> AsyncIterator[AbstractConnection]:
    """Open a connection that the broker's tools show as ``name``. Raises one of BROKER_ERRORS."""
    tolerate_unreadable_properties()
    read_in_pieces()
    address = URL(url)
    if "heartbeat" not in address.query:
        address = address.update_query(heartbeat=str(HEARTBEAT_S))
    connection = await _opened(address, name)
    try:
        with only_our_cancellation():
            yield connection
    finally:
        await close_quietly(connection.close, name)


async def _opened(address: URL, name: str) -> AbstractConnection:
    try:
        async with answer_within(CONNECT_TIMEOUT_S):
            return await aio_pika.connect(address, client_properties={"connection_name": name})
    except StopAsyncIteration as error:  # how the library reads the end of the stream; a generator may not raise it
        raise SessionLost("the broker has ended the connection during the handshake") from error


async def close_quietly(close: Callable[[], Awaitable[None]], name: str) -> None:
    """Close a connection or channel that may be dead already: at most CLOSE_TIMEOUT_S, and no error of it matters."""
    try:
        async with answer_within(CLOSE_TIMEOUT_S):
            await close()
    except BROKER_ERRORS as error:
        _log.debug("rabbitmq_close_failed", connection=name, error=described(error))


async def wait_lost(connection: AbstractConnection) -> None:
    """
    Wait until the connection is gone.

    Its own ``closed()`` and ``is_closed`` know only of a goodbye of ours, not of a loss: measured on aio-pika 10.2.1.
    """
    lost = asyncio.Event()

    def on_close(*_: object) -> None:
        lost.set()

    connection.close_callbacks.add(on_close)
    if connection.connected.is_set():
        await lost.wait()


async def keep_connected(
    url: str,
    name: str,
    work: Callable[[AbstractConnection], Awaitable[T]],
    observer: Observer,
    on_away: Callable[[str], None],
) -> T:
    """
    Run ``work`` on a connection until it returns; run it again on a new one whenever it raises one of BROKER_ERRORS.

    Never gives up. ``on_away`` hears why there is no connection. Other errors of ``work`` pass through.
    """
    backoff = Backoff(BACKOFF_INITIAL_S, BACKOFF_MAX_S)
    while True:
        began_at_s = time.monotonic()
        was_connected = False
        try:
            async with connected(url, name) as connection:
                was_connected = True
                observer.connected(name)
                return await work(connection)
        except BROKER_ERRORS as error:
            reason = described(error)
        if was_connected:
            observer.disconnected(name, reason)
        if was_connected and time.monotonic() - began_at_s >= STABLE_AFTER_S:
            backoff.reset()
        pause_s = backoff.next_pause_s()
        on_away(reason)
        _log.warning("rabbitmq_away", connection=name, reason=reason, next_try_in_s=round(pause_s, 2))
        await asyncio.sleep(pause_s)


def described(error: BaseException) -> str:
    """Say what went wrong; a URL, which may hold a password, is in none of these errors."""
    return f"{type(error).__name__}: {error}"[:300]
