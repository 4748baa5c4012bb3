"""A session of the driver: one transaction, and the statements in it, one after the other.

A write may run *behind* its caller, who makes the next one meanwhile: encoding a batch takes us as long as writing it
takes the server, and neither waits for the other. What such a write raises comes out at the next statement, or before
the commit. Whatever happens, an abort overtakes no statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import Primary
from pymongo.write_concern import WriteConcern

from adapters.mongo.cancellation import finished_even_if_cancelled, look_at_error
from adapters.mongo.driver import when_ready
from adapters.mongo.handles import SessionHandle

T = TypeVar("T")

MAX_COMMIT_TIME_MS = 10_000
"""How long the server may take for a commit; then its result counts as unknown and the commit is repeated."""


class Session:
    """
    The driver's session, for one task at a time.

    Statements raise what they raise; the others the driver's errors: ``unit_of_work`` knows them.
    """

    def __init__(self, handle: SessionHandle) -> None:
        """Take the driver's session."""
        self.handle = handle
        self._writing: asyncio.Future[None] | None = None

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and was neither committed nor aborted."""
        return self.handle.in_transaction

    async def begin(self) -> None:
        """Begin a transaction on a snapshot, whose commit waits for a majority and its journal; nothing is sent yet."""
        await when_ready(
            self.handle.start_transaction(
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern(w="majority", j=True),
                read_preference=Primary(),
                max_commit_time_ms=MAX_COMMIT_TIME_MS,
            )
        )

    async def run(self, statement: Callable[[], Awaitable[T]]) -> T:
        """Run a statement after the write that is under way. It is finished even when its task is cancelled."""
        await self.written()
        return await finished_even_if_cancelled(statement())

    async def run_behind(self, write: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin a write after the one that is under way, and wait only until it has been handed to the driver."""
        await self.written()
        self._writing = asyncio.ensure_future(write())
        await asyncio.sleep(0)

    async def written(self) -> None:
        """Wait for the write that is under way, if there is one. Raises what it raises."""
        if self._writing is None:
            return
        try:
            await finished_even_if_cancelled(self._writing)
        finally:
            if self._writing.done():
                self._writing = None

    async def commit(self) -> None:
        """Send the commit, or send it again. What is still being written must be waited for before."""
        await finished_even_if_cancelled(self.handle.commit_transaction())

    async def abort(self) -> None:
        """Undo everything, the write that is under way too: its error does not matter any more."""
        if self._writing is not None:
            self._writing.add_done_callback(look_at_error)
            await asyncio.wait({self._writing})
        await finished_even_if_cancelled(self.handle.abort_transaction())

    async def end(self) -> None:
        """Give the session back."""
        await finished_even_if_cancelled(self.handle.end_session())
