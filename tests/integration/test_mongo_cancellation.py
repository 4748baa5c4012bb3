"""T27 over MongoDB: a unit of work cancelled at every await leaves all or nothing, and no transaction open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from itertools import count
from typing import TypeVar

from pymongo import MongoClient

from tests.fixtures.driver import over_both_drivers
from tests.integration.mongo_bank import Bank
from wallet_core import OutcomeKind

T = TypeVar("T")

NEXT_S_MAX = 5.0
"""How long the next transfer of the same wallets may take: it takes 20 ms, and 10 s at least if they are blocked."""


WAIT_S_MAX = 20.0
"""No transfer takes longer, cancelled or not."""


class CancelledAt(Awaitable[T]):
    """Runs a coroutine, and cancels its task as it waits for the ``index``-th time."""

    def __init__(self, flow: Coroutine[object, None, T], index: int) -> None:
        """Take the coroutine; nothing runs yet."""
        self._flow = flow
        self._index = index

    def __await__(self) -> Generator[object, None, T]:
        """Pass on what it waits for, and what comes back."""
        waits, waiting = 0, self._flow.__await__()
        step = partial(waiting.send, None)
        while True:
            try:
                waited_for = step()
            except StopIteration as ended:
                result: T = ended.value
                return result
            waits += 1
            if waits == self._index:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield waited_for
            except asyncio.CancelledError as error:
                step = partial(waiting.throw, error)
            else:
                step = partial(waiting.send, None)


async def run_cancelled(flow: Coroutine[object, None, T], index: int) -> bool:
    """Run in a task of its own; False when it has ended before that await."""

    async def run() -> T:
        return await CancelledAt(flow, index)

    task = asyncio.ensure_future(run())
    await asyncio.wait({task}, timeout=WAIT_S_MAX)
    return task.cancelled()


@over_both_drivers
async def test_cancelled_at_any_await_it_holds_no_wallet(
    bank: Bank, mongo_client: MongoClient[dict[str, object]]
) -> None:
    """T27: after each the next transfer wins at its first try, and the cancelled one has happened as a whole or not."""
    repeated = 0
    for index in count(1):
        was_cancelled = await run_cancelled(bank.transfer(index, 1), index)
        bank.observer.clear()
        async with asyncio.timeout(NEXT_S_MAX):
            outcome = await bank.transfer(index, 1)
        assert bank.observer.counts == {}
        open_transactions = mongo_client.admin.command("serverStatus")["transactions"]["currentOpen"]
        assert (index, 0) == (index, open_transactions)
        repeated += outcome is OutcomeKind.REPEATED
        assert outcome in (OutcomeKind.APPLIED, OutcomeKind.REPEATED)
        assert (10_000 - index, 10_000 + index) == (await bank.effects())[:2]
        if not was_cancelled:
            break
    assert index > repeated > 1
