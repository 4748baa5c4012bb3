"""What can be done to a store, as values: each is applied to any store, and gives what can be compared with another's.

An expected error is a result too (``Refused``); any other comes out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from wallet_core.batch import post_all
from wallet_core.commands import OpenWallet, Request, Reverse
from wallet_core.errors import WalletError
from wallet_core.ledger import TransactionState
from wallet_core.memory import ManualClock
from wallet_core.policy import Policy
from wallet_core.ports import Books, RecordChange, StatementQuery, UnitOfWork, WalletChange
from wallet_core.testing.conformance.store import Stop, Store, first_error, page_of
from wallet_core.wallet import Wallet

T = TypeVar("T")

HOUR_MS = 3_600_000
"""A lease that does not end while a suite runs."""


class Operation(Protocol):
    """Something that can be done to a store."""

    @property
    def weight(self) -> int:
        """How many operations it counts as."""
        ...

    async def apply(self, store: Store) -> object:
        """Do it, and give what came of it."""
        ...


@dataclass(frozen=True, slots=True)
class Refused:
    """It ended in an expected error; two of one type are equal, whatever they say."""

    error: type[WalletError]
    text: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests that are posted together, when, and by which policy."""

    requests: tuple[Request, ...]
    now: datetime
    policy: Policy

    @property
    def weight(self) -> int:
        """Each request counts."""
        return len(self.requests)

    async def post(self, unit_of_work: UnitOfWork) -> object:
        """Post them; give the outcomes, or the error."""
        try:
            return await post_all(self.requests, unit_of_work, ManualClock(self.now), self.policy)
        except WalletError as error:
            return Refused(type(error), str(error))


@dataclass(frozen=True, slots=True)
class Post:
    """Post a batch."""

    batch: Batch

    @property
    def weight(self) -> int:
        """Each request counts."""
        return self.batch.weight

    async def apply(self, store: Store) -> object:
        """Give the outcomes."""
        return await self.batch.post(store.unit_of_work)


@dataclass(frozen=True, slots=True)
class RollBack:
    """Post a batch, and fail before the commit: nothing of it remains."""

    batch: Batch
    weight = 1

    async def apply(self, store: Store) -> object:
        """Give what came out: the error."""
        try:
            return await self.batch.post(_Around(store.unit_of_work, _nothing, _stop))
        except Stop:
            return "rolled back"


@dataclass(frozen=True, slots=True)
class LoseRace:
    """
    Post a batch, and some of its requests (``rivals``) between its reads and its writes.

    The batch is decided on a state that is old by then. All that the rivals write, it would write too: so it has lost
    the race, runs again, and finds them done.
    """

    batch: Batch
    rivals: Batch

    @property
    def weight(self) -> int:
        """Each request counts."""
        return self.batch.weight + self.rivals.weight

    async def apply(self, store: Store) -> object:
        """Give the outcomes of both, in the order of their ends."""
        results: list[object] = []

        async def overtake(books: Books) -> None:
            if results:
                return
            await books.wallets.get_many(_users_of(self.batch.requests))
            await books.journal.get_transactions(_transactions_of(self.batch.requests))
            results.append(await self.rivals.post(store.unit_of_work))

        results.append(await self.batch.post(_Around(store.unit_of_work, overtake, _nothing)))
        return results


class Wrong(StrEnum):
    """A write that the guards of a store must refuse."""

    OPEN_AGAIN = "open a wallet that exists"
    CHANGE_STALE_WALLET = "change a wallet that has moved on"
    RECORD_AGAIN = "record a transaction that is known"
    CHANGE_STALE_RECORD = "change a transaction that has another state"
    APPEND_AGAIN = "append an entry whose sequence is taken"


@dataclass(frozen=True, slots=True)
class WriteWrongly:
    """Try a write that must be refused, on a user's wallet or a transaction, if there is one."""

    wrong: Wrong
    user_id: str
    transaction_id: str
    weight = 1

    async def apply(self, store: Store) -> object:
        """Give the type of the error; None if there was nothing to write."""
        entries = await page_of(store.reader, StatementQuery(self.user_id, 1))

        async def write(books: Books) -> None:
            wallet = (await books.wallets.get_many([self.user_id])).get(self.user_id)
            record = (await books.journal.get_transactions([self.transaction_id])).get(self.transaction_id)
            if self.wrong is Wrong.OPEN_AGAIN and isinstance(wallet, Wallet):
                await books.wallets.open_many([wallet])
            elif self.wrong is Wrong.CHANGE_STALE_WALLET and isinstance(wallet, Wallet):
                await books.wallets.change_many([WalletChange(wallet.version + 1, wallet)])
            elif self.wrong is Wrong.RECORD_AGAIN and record is not None:
                await books.journal.record_many([record])
            elif self.wrong is Wrong.CHANGE_STALE_RECORD and record is not None:
                other = record._replace(state=TransactionState.UNDECIDED)
                await books.journal.change_many([RecordChange(other, record)])
            elif self.wrong is Wrong.APPEND_AGAIN and entries:
                await books.journal.append_many(entries)

        return await first_error(store, write)


@dataclass(frozen=True, slots=True)
class ReadWallet:
    """Read a user's wallet."""

    user_id: str
    weight = 1

    async def apply(self, store: Store) -> object:
        """Give it, or None."""
        return await store.reader.wallet_of(self.user_id)


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Read a page of a statement."""

    query: StatementQuery
    weight = 1

    async def apply(self, store: Store) -> object:
        """Give its entries, or None."""
        entries = await page_of(store.reader, self.query)
        return None if entries is None else list(entries)


@dataclass(frozen=True, slots=True)
class TakeAnswers:
    """Take some rows of the outbox, as a relay does; of each row, what stands at every ``kept``th place is kept."""

    rows_max: int
    kept: int
    weight = 1

    async def apply(self, store: Store) -> object:
        """Give the transactions of each row and their answers, and what stood behind the first row."""
        pending = store.pending_answers
        rows = await pending.pending(self.rows_max)
        behind = await pending.pending(self.rows_max, after=rows[0]) if rows else ()
        taken: list[object] = [row.transaction_ids for row in behind]
        for row in rows:
            taken.append((row.transaction_ids, dict(await pending.answers(row.transaction_ids))))
            kept = [id_ for place, id_ in enumerate(row.transaction_ids, start=1) if place % self.kept == 0]
            await pending.settle(row, kept)
        return taken


@dataclass(frozen=True, slots=True)
class PutBack:
    """Put transactions back into the outbox, and count its rows."""

    transaction_ids: tuple[str, ...]
    weight = 1

    async def apply(self, store: Store) -> object:
        """Give the number of rows, and whether the oldest has a time."""
        if self.transaction_ids:
            await store.pending_answers.put_back(self.transaction_ids)
        rows, oldest_at = await store.pending_answers.backlog()
        return rows, oldest_at is not None


@dataclass(frozen=True, slots=True)
class AskForLease:
    """Take the relay's lease for a holder, or give it back."""

    holder: str
    is_over: bool
    weight = 1

    async def apply(self, store: Store) -> object:
        """Give whether it was taken; None when it is given back."""
        if self.is_over:
            await store.pending_answers.release_lease(self.holder)
            return None
        return await store.pending_answers.hold_lease(self.holder, HOUR_MS)


Step = Callable[[Books], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Around:
    """A unit of work with something before and something behind it, on the same books."""

    inner: UnitOfWork
    before: Step
    behind: Step

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        async def surrounded(books: Books) -> T:
            await self.before(books)
            result = await work(books)
            await self.behind(books)
            return result

        return await self.inner.run(surrounded)

    async def probe(self) -> None:
        await self.inner.probe()


async def _nothing(_: Books) -> None:
    pass


async def _stop(_: Books) -> None:
    raise Stop


def _users_of(requests: Sequence[Request]) -> list[str]:
    users: dict[str, None] = {}
    for request in requests:
        if isinstance(request, OpenWallet):
            users[request.user_id] = None
        elif not isinstance(request, Reverse):
            users.update(dict.fromkeys(leg.user_id for leg in request.legs))
    return list(users)


def _transactions_of(requests: Sequence[Request]) -> list[str]:
    return list(dict.fromkeys(each.transaction_id for each in requests if not isinstance(each, OpenWallet)))
