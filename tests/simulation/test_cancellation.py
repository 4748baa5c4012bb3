"""T27: the use case cancelled at every await: all of it has happened or nothing, nobody is in its way afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from tests.property.books import check_books, check_legs
from tests.scenario import ALICE, BOB, CAROL, Event, FinalState, Scenario, failed, signup, topup, transaction_id, transfer
from wallet_core import Delivery, Entry, Handled, Intake, SuspendedWallet, TransactionRecord, Wallet
from wallet_core.memory import MemoryStore
from wallet_core.ports import Books, RecordChange, WalletChange

T = TypeVar("T")

BEFORE = (signup(ALICE), signup(BOB), topup(transaction_id(1), ALICE, 100), transfer(transaction_id(2), ALICE, BOB, 20))
"""What has happened before the batch that is cancelled."""

BATCH = (
    signup(CAROL),
    transfer(transaction_id(3), ALICE, BOB, 60),
    failed(transaction_id(2)),
    topup(transaction_id(4), CAROL, 5),
    topup(transaction_id(1), ALICE, 100),
    failed(transaction_id(5)),
)
"""A batch with something of everything: it reads twice and writes six times."""

AWAITS = 9
"""Where it can be cancelled: at two reads, at six writes, and at the commit."""


@dataclass(slots=True)
class Interruptible:
    """A place where every statement really waits: its task can be cancelled there, at the ``cancel_at``-th."""

    cancel_at: int = -1
    passed: int = 0
    task: asyncio.Task[object] | None = field(default=None)

    async def statement(self, do: Callable[[], Awaitable[T]]) -> T:
        """Wait, be cancelled perhaps, then do it."""
        if self.passed == self.cancel_at and self.task is not None:
            self.task.cancel()
        self.passed += 1
        await asyncio.sleep(0)
        return await do()


class InterruptibleStore(MemoryStore):
    """The books in memory, with an await that really waits before each statement and before the commit."""

    place = Interruptible()

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        """Run as the memory does."""

        async def interrupted(books: Books) -> T:
            result = await work(_Books(books, self.place))
            await self.place.statement(_nothing)
            return result

        return await super().run(interrupted)


async def _nothing() -> None:
    pass
