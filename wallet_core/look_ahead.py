"""Look-ahead: the next batch is decided while the one in hand is being stored.

::

    batch n      load ─ plan ─┬─ store ─ commit ─┐
    batch n+1                 └─ load ─ plan     └─ store ─ commit

It is decided on what the books will say once batch n is committed: what the plan of n leaves, and what they say now
about all that n does not touch, read in a unit of work of its own. Nothing of it is stored before that, and it counts
only if exactly that plan has been committed, and soon; else it is forgotten, and batch n+1 is decided as ever.

What somebody else changes between this reading and that storing, and this batch writes, is a lost race: the guards of
wallets and records, and the unique ids of new ones, refuse it, and the next try loads and decides anew. A refusal
writes no wallet: it is true for the moment at which it was decided. Who has lost a race looks ahead no more for a
while: against a second process on the same wallets it would lose each time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import is_
from typing import TypeVar

from wallet_core.batch import Posted, load
from wallet_core.commands import Request, SetAside
from wallet_core.drafts import Plan, State
from wallet_core.policy import Policy
from wallet_core.ports import Books, Clock, UnitOfWork
from wallet_core.posting import Planning

AGE_MAX = timedelta(seconds=5)
"""What was decided longer ago is decided anew: its times would be too far from its commit (``past.UNCERTAINTY``)."""

BATCHES_AFTER_RACE = 16
"""Batches that are not decided ahead after a lost race: some seconds, and one batch in 16 is little to lose."""

AT_ONCE = 50
"""Deliveries that are read or decided on before others have their turn: some 2 ms, in which the batch in hand waits."""

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Ahead:
    """A batch that was decided ahead: what was read in its deliveries, and the plan for the requests among that."""

    read: Sequence[Request | SetAside]
    plan: Plan


@dataclass(frozen=True, slots=True)
class _Condition:
    """
    What a decision ahead is bound to: the deliveries, the plan before it, and the instant ``at`` which it was made.

    The deliveries are these very objects: a JSON ``true`` would equal a 1.
    """

    deliveries: Sequence[object]
    base: Plan
    at: datetime

    def holds(self, deliveries: Sequence[object], base: Plan | None, now: datetime) -> bool:
        are_same = len(deliveries) == len(self.deliveries) and all(map(is_, deliveries, self.deliveries))
        return are_same and base is self.base and now - self.at <= AGE_MAX


class LookAhead:
    """What is in hand, and what was decided ahead on it."""

    def __init__(self, uow: UnitOfWork, clock: Clock, policy: Policy) -> None:
        """Take the ports. Nothing is in hand."""
        self._uow = uow
        self._clock = clock
        self._policy = policy
        self._base: Plan | None = None
        self._ahead: tuple[_Condition, Ahead] | None = None
        self._batches_off = 0

    def storing(self, plan: Plan) -> None:
        """Take the plan that is about to be stored as what the next batch can be decided on."""
        self._base = plan

    def committed(self, posted: Posted) -> None:
        """See by the races of this batch whether looking ahead pays."""
        self._batches_off = BATCHES_AFTER_RACE if posted.tries > 1 else max(0, self._batches_off - 1)

    def failed(self) -> None:
        """Let nothing count that was decided on the plan in hand: it is not committed, or nobody knows."""
        self._base = None

    def take(self, deliveries: Sequence[object]) -> Ahead | None:
        """Give what was decided about exactly these deliveries, if it is valid; in any case it is forgotten here."""
        decided, self._ahead = self._ahead, None
        if decided is None:
            return None
        condition, ahead = decided
        return ahead if condition.holds(deliveries, self._base, self._clock.now()) else None

    async def decide(
        self,
        deliveries: Sequence[Given],
        read: Callable[[Given], Request | SetAside],
        breathe: Callable[[], Awaitable[None]],
    ) -> None:
        """
        Decide about these deliveries on the plan that is being stored, if there is one; ``breathe`` lets others go on.

        Raises what ``UnitOfWork.run`` raises, and LedgerCorrupted; then nothing was decided.
        """
        base = self._base
        if base is None or self._batches_off:
            return
        now = self._clock.now()
        found: list[Request | SetAside] = []
        for start in range(0, len(deliveries), AT_ONCE):
            found += map(read, deliveries[start : start + AT_ONCE])
            await breathe()
        requests = [request for request in found if not isinstance(request, SetAside)]

        async def look(books: Books) -> State:
            return await load(requests, books, base.state_after())

        planning = Planning(requests, await self._uow.run(look), self._policy, now)
        while planning.go_on(AT_ONCE):
            await breathe()
        self._ahead = _Condition(deliveries, base, now), Ahead(found, planning.plan())
