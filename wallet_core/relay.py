"""The relay: publishes the answers that wait in the outbox, and removes them once the broker has taken them.

One round publishes the *current* recorded answer of each waiting transaction, never two of one transaction at a time,
and compares revisions after the confirmation: if the books have moved on meanwhile, it publishes again. So the last
answer published about a transaction is the one in the books (design rule 8). One relay works at a time, by a lease.
At least once: what a crash leaves in the outbox is published again, with the same message id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wallet_core.events import TransactionFinalized
from wallet_core.ports import EventBus, PendingAnswers

LEASE_MS = 15_000
"""How long a relay that has stopped keeps others waiting; many times the length of a round."""

ROWS_PER_ROUND_MAX = 4
"""Rows (units of work, 500 answers each by default) of one round: bounds memory and what a crash publishes twice."""

REVISIONS_PER_ROUND_MAX = 3
"""A transaction has two revisions at most; one publication more shows that the books have settled."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. ``is_holder`` is False while another relay has the lease: then nothing was looked at."""

    is_holder: bool
    published: int = 0
    unpublished: int = 0


class Relay:
    """Publishes waiting answers round by round. ``monotonic_s`` gives seconds that never go back."""

    def __init__(self, pending: PendingAnswers, bus: EventBus, holder: str, monotonic_s: Callable[[], float]) -> None:
        """Take the ports; ``holder`` names this relay and must be unique among all that run."""
        self._pending = pending
        self._bus = bus
        self._holder = holder
        self._monotonic_s = monotonic_s
        self._lease_renewal_due_s = float("-inf")

    async def publish_pending(self) -> Round:
        """Work through the oldest rows once. Raises StoreUnavailable; what was published is then sent again later."""
        if not await self._holds_lease():
            return Round(is_holder=False)
        rows = await self._pending.pending(ROWS_PER_ROUND_MAX)
        waiting = list(dict.fromkeys(id_ for row in rows for id_ in row.transaction_ids))
        unpublished = await self._publish_current(waiting)
        for row in rows:
            await self._pending.settle(row, [id_ for id_ in row.transaction_ids if id_ in unpublished])
        return Round(is_holder=True, published=len(waiting) - len(unpublished), unpublished=len(unpublished))

    async def stop(self) -> None:
        """Give the lease back, so that another relay need not wait for its end. Raises StoreUnavailable."""
        await self._pending.release_lease(self._holder)

    async def _holds_lease(self) -> bool:
        """Prolong the lease when a third of it is over; time is taken before the call, so we never believe too long."""
        asked_at_s = self._monotonic_s()
        if asked_at_s < self._lease_renewal_due_s:
            return True
        if not await self._pending.hold_lease(self._holder, LEASE_MS):
            self._lease_renewal_due_s = float("-inf")
            return False
        self._lease_renewal_due_s = asked_at_s + LEASE_MS / 3_000
        return True

    async def _publish_current(self, transaction_ids: Sequence[str]) -> set[str]:
        """Publish until what was published is what the books say; give the ids that could not be published."""
        unpublished: set[str] = set()
        seen: dict[str, int] = {}
        for _ in range(REVISIONS_PER_ROUND_MAX):
            answers = await self._news(transaction_ids, seen)
            if not answers:
                return unpublished
            for answer, is_published in zip(answers, await self._bus.publish_many(answers), strict=True):
                seen[answer.transaction_id] = answer.revision
                if not is_published:
                    unpublished.add(answer.transaction_id)
        return unpublished

    async def _news(self, transaction_ids: Sequence[str], seen: Mapping[str, int]) -> list[TransactionFinalized]:
        """Give the recorded answers that are newer than what this round has already tried to publish."""
        if not transaction_ids:
            return []
        answers = await self._pending.answers(transaction_ids)
        return [answer for answer in answers.values() if answer.revision > seen.get(answer.transaction_id, 0)]
