"""One process of the service, from its first to its last moment.

::

    start    bind the port ─ serve HTTP (alive, not ready) ─ prepare the books ─ publish, relay, consume (ready)
    stop     not ready ─ no new delivery, finish the batch ─ publish what is left ─ finish HTTP ─ close

A database or broker that is away is waited for, at the start and later; the process stays. It ends by a signal, or when
something is wrong that waiting cannot heal.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from enum import Enum
from typing import Any

import structlog

from entrypoints.container import Container
from entrypoints.garbage_collection import collect_garbage_seldom
from entrypoints.http import HttpServer, bound_socket, http_server
from entrypoints.start_warnings import start_warnings
from entrypoints.stop_signal import StopSignal

CONSUMER_SHARE = 0.6
"""Part of the grace time that the batch in hand may take; the rest is for the last answers and open requests."""

GOODBYE_S = 0.4
"""How long a cancelled part may close its connections; twice that comes on top of the grace time."""

log = structlog.get_logger(__name__)


class Part(Enum):
    """What a process does. ``RUN`` is the drop-in; the other two scale apart. Health and metrics are served always."""

    RUN = "run"
    SERVE = "serve"
    CONSUME = "consume"


class Service:
    """Runs one part until a signal. Use it once."""

    def __init__(self, container: Container, part: Part) -> None:
        """Take the wiring; nothing is opened yet."""
        self._container = container
        self._part = part
        self._settings = container.settings()
        self._grace_s = self._settings.wallet_shutdown_grace_ms / 1_000
        self._drain_s = 0.0
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: StopSignal) -> None:
        """
        Start, work, and stop when ``stop`` is set.

        Raises StartRefused for what a person must mend first; anything else that ends a part is a defect and is raised.
        """
        listening = bound_socket(self._settings.host, self._settings.port)
        try:
            await self._run_on(listening, stop)
        finally:
            listening.close()
            await self._close()

    async def _run_on(self, listening: socket.socket, stop: StopSignal) -> None:
        for warning in start_warnings(self._settings):
            log.warning("setting", warning=warning)
        server = self._serve_http(listening)
        try:
            preparing = asyncio.ensure_future(self._container.preparation())
            await self._first_of(preparing, stop)
            if not stop.is_set():
                self._container.readiness().prepared()
                self._drain_s = self._settings.wallet_drain_ms / 1_000
                self._start_events()
                collect_garbage_seldom()
                log.info("service_started", part=self._part.value, port=listening.getsockname()[1])
                await self._first_of(None, stop)
                log.info("service_stopping", grace_s=self._grace_s)
        finally:
            await self._stop(server)

    def _serve_http(self, listening: socket.socket) -> HttpServer:
        if self._part is not Part.SERVE:
            self._container.readiness().watch_broker(self._container.consumer(), self._container.publishing())
        reads = {"reader": None} if self._part is Part.CONSUME else {}
        server = http_server(self._container.application(**reads), self._settings.wallet_shutdown_grace_ms)
        self._begin("http", server.serve([listening]))
        return server

    def _start_events(self) -> None:
        if self._part is Part.SERVE:
            return
        self._begin("publishing", self._container.publishing().run())
        self._begin("consumer", self._container.consumer().run())
        self._begin("relay", self._container.relay_loop().run())

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[name] = asyncio.create_task(work, name=name)

    async def _first_of(self, work: asyncio.Future[None] | None, stop: StopSignal) -> None:
        """Wait for ``work`` to be done, or for the stop. A part that ends by itself has failed: raise that."""
        waiting = asyncio.ensure_future(stop.wait())
        watched: set[asyncio.Future[Any]] = {waiting, *self._tasks.values()}
        try:
            done, _ = await asyncio.wait(
                watched | ({work} if work is not None else set()), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiting.cancel()
            if work is not None and not work.done():
                work.cancel()
        for future in done:
            future.result()
        ended = [name for name, task in self._tasks.items() if task.done()]
        if ended and not stop.is_set():
            msg = f"{', '.join(ended)} ended by itself"
            raise RuntimeError(msg)

    async def _stop(self, server: HttpServer) -> None:
        """Stop in order, within the grace time; what is not finished by then is safe with the broker and the outbox."""
        self._container.readiness().stopping()
        try:
            async with asyncio.timeout(self._grace_s):
                # Requests are served meanwhile, so that a balancer sees readiness red before anything is closed.
                await asyncio.gather(self._stop_events(), asyncio.sleep(self._drain_s))
                server.stop()
                await asyncio.wait([self._tasks["http"]])
        except TimeoutError:
            log.warning("grace_over", unfinished=[name for name, task in self._tasks.items() if not task.done()])
        finally:
            await self._end_tasks()

    async def _end_tasks(self) -> None:
        """Cancel what is left, and once more what still says goodbye to a server that hangs."""
        for _ in range(2):
            for task in self._tasks.values():
                task.cancel()
            await asyncio.wait(self._tasks.values(), timeout=GOODBYE_S)
        for task in self._tasks.values():
            if task.done() and not task.cancelled():
                task.exception()  # looked at, so that nobody reports it as never retrieved: it was raised or logged

    async def _stop_events(self) -> None:
        if "consumer" not in self._tasks:
            return
        if not self._tasks["consumer"].done():
            await self._container.consumer().stop(self._grace_s * CONSUMER_SHARE)
        self._container.relay_loop().stop()
        await asyncio.wait([self._tasks["relay"]])
        await self._container.answer_publisher().close()

    async def _close(self) -> None:
        await self._container.keys().aclose()
        await self._container.database().close()
