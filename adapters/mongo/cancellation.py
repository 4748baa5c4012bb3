"""A cancelled task and its statement: the statement ends first.

Neither driver stops a statement when its await is cancelled: motor's thread goes on with it, and PyMongo Async closes
the connection, but what was sent is sent. An abort that follows could overtake it, and the statement would then open a
transaction that nobody ends: it blocks its wallets until the server's own time limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

CANCELLED_WAIT_S = 5.0
"""How long a cancelled task waits for its statement to end; it takes milliseconds unless the database hangs."""


async def finished_even_if_cancelled(statement: Awaitable[T]) -> T:
    """Await a statement; when the task is cancelled, let the statement end first (at most CANCELLED_WAIT_S)."""
    running = asyncio.ensure_future(statement)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        running.add_done_callback(look_at_error)
        await asyncio.wait({running}, timeout=CANCELLED_WAIT_S)
        raise


def look_at_error(statement: asyncio.Future[T]) -> None:
    """Let nobody report an error as never retrieved: the cancellation is what the caller is told."""
    if not statement.cancelled():
        statement.exception()
