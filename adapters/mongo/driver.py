"""The two drivers, motor and PyMongo Async: the one file that names their client classes, and where they differ.

======================  ===================================  ====================================
what                    motor                                PyMongo Async
======================  ===================================  ====================================
a statement runs        in a thread                          on the event loop
a cancelled await       lets it go on                        closes the connection under it
a session               is awaited                           is there at once
a transaction           has begun at once                    has begun when that was awaited
the last goodbye        blocks                               is awaited
======================  ===================================  ====================================

Everything else of this package works with either: ``handles`` lists what it uses of both.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any, Protocol, TypeVar, cast

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.driver_info import DriverInfo

from adapters.mongo.handles import ClientHandle

T = TypeVar("T")

CLOSE_S_MAX = 0.5
"""How long the goodbye at the end may take. It takes milliseconds, and only frees the server's memory sooner."""


class Driver(StrEnum):
    """Which driver; the value is that of WALLET_MONGO_DRIVER."""

    MOTOR = "motor"
    PYMONGO = "pymongo"


class DriverClient(Protocol):
    """An open client of one of the drivers, for the event loop that it was opened on."""

    @property
    def handle(self) -> ClientHandle:
        """What both clients have in common."""
        ...

    def mark(self, name: str) -> None:
        """Let each connection tell the server this name, beside the driver's own."""
        ...

    async def close(self) -> None:
        """Close all connections, after a goodbye to the server for which nobody waits longer than CLOSE_S_MAX."""
        ...


def open_client(driver: Driver, url: str, options: Mapping[str, Any]) -> DriverClient:
    """Open a client on the running event loop; nothing is sent yet. Raises the driver's errors for an unusable URL."""
    return MotorClient(url, options) if driver is Driver.MOTOR else PyMongoClient(url, options)


async def when_ready(given: T | Awaitable[T]) -> T:
    """Give what one driver gives at once, and the other when it is awaited."""
    return await given if isinstance(given, Awaitable) else given


class MotorClient:
    """A client of motor."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        """Open it."""
        self._client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(
            url, io_loop=asyncio.get_running_loop(), **options
        )
        self.handle = cast("ClientHandle", self._client)

    def mark(self, name: str) -> None:
        """Let each connection tell the server this name; motor's own option for it takes none."""
        self._client.delegate.append_metadata(DriverInfo(name))

    async def close(self) -> None:
        """
        Say goodbye in a thread that ends with the process, and wait CLOSE_S_MAX for it.

        A server that hangs holds the thread, not the loop.
        """
        loop, closed = asyncio.get_running_loop(), asyncio.Event()

        def close() -> None:
            self._client.close()
            with suppress(RuntimeError):  # the loop has not waited so long, and is closed
                loop.call_soon_threadsafe(closed.set)

        threading.Thread(target=close, name="mongo-close", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S_MAX):
                await closed.wait()


class PyMongoClient:
    """A client of PyMongo Async."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        """Open it."""
        self._client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(url, **options)
        self._closing: asyncio.Future[None] | None = None
        self.handle = cast("ClientHandle", self._client)

    def mark(self, name: str) -> None:
        """Let each connection tell the server this name."""
        self._client.append_metadata(DriverInfo(name))

    async def close(self) -> None:
        """
        Say goodbye in a task, and wait CLOSE_S_MAX for it.

        Behind a server that hangs the task is left: it ends with the server's answer, or with the event loop.
        """
        self._closing = asyncio.ensure_future(self._client.close())
        await asyncio.wait({self._closing}, timeout=CLOSE_S_MAX)
        if self._closing.done():
            self._closing.result()
