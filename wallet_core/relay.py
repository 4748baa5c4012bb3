"""The relay: publishes the answers that wait in the outbox, and removes them once the broker has taken them.

One round publishes the *current* recorded answer of each waiting transaction, never two of one transaction at a time,
and compares revisions after the confirmation: if the books have moved on meanwhile, it publishes again. So the last
answer published about a transaction is the one in the books. One relay works at a time, by a lease.
At least once: what a crash leaves in the outbox is published again, with the same message id.

A round takes the oldest rows. Where it has read them all, the next publishes what this process has committed since,
without reading the outbox first (``fresh_answers.py``); then it is read again, for it holds the answers of others too.

When something of the oldest cannot be published, rounds behind them follow before they are tried again: one that
succeeds, then two, four ... So an answer that nobody ever takes holds up no other, and after an outage the answers go
out in their order but for one round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wallet_core.events import TransactionFinalized
from wallet_core.fresh_answers import FreshAnswers
from wallet_core.ports import EventBus, PendingAnswers, PendingRow

LEASE_MS = 15_000
"""How long a relay that has stopped keeps others waiting; many times the length of a round."""

ROWS_PER_ROUND_MAX = 4
"""Rows (units of work, 3,000 answers each by default) of one round: bounds memory and what a crash publishes twice."""

ROUNDS_BEHIND_MAX = 64
"""Most rounds behind rows that cannot be published before these are tried again."""

REVISIONS_PER_ROUND_MAX = 3
"""A transaction has two revisions at most; one publication more shows that the books have settled."""


@dataclass(frozen=True, slots=True)
class Round:
    """
    What one round did: how many transactions have their answer ``published``, or wait on as ``unpublished``.

    ``is_holder`` is False while another relay has the lease: then nothing was looked at.
    """

    is_holder: bool
    published: int = 0
    unpublished: int = 0


class _Walk:
    """Where in the outbox the next round begins: behind ``after``, or with the oldest row while that is None."""

    def __init__(self) -> None:
        self.after: PendingRow | None = None
        self._behind_left = 0
        self._behind_max = 1

    def go_on(self, rows: Sequence[PendingRow], *, has_failed: bool) -> None:
        """Go on after a round with these rows, of which something could not be published or not."""
        last = rows[-1] if len(rows) == ROWS_PER_ROUND_MAX else None
        if self.after is None and not has_failed:
            self._behind_max = 1
        elif self.after is None:
            self.after, self._behind_left = last, self._behind_max
        else:
            self._behind_left -= 0 if has_failed else 1
            self.after = last if self._behind_left else None
            if not self._behind_left:
                self._behind_max = min(2 * self._behind_max, ROUNDS_BEHIND_MAX)


class Relay:
    """Publishes waiting answers round by round. ``monotonic_s`` gives seconds that never go back."""

    def __init__(
        self,
        pending: PendingAnswers,
        bus: EventBus,
        holder: str,
        monotonic_s: Callable[[], float],
        fresh_answers: FreshAnswers | None = None,
    ) -> None:
        """
        Take the ports; ``holder`` names this relay and must be unique among all that run.

        ``fresh_answers`` are those of the intake beside it; without them each answer is read back.
        """
        self._pending = pending
        self._bus = bus
        self._holder = holder
        self._monotonic_s = monotonic_s
        self._fresh_answers = FreshAnswers() if fresh_answers is None else fresh_answers
        self._lease_renewal_due_s = self._lease_ends_s = float("-inf")
        self._walk = _Walk()
        self._late: Sequence[PendingRow] = ()
        self._has_read_all = False

    async def publish_pending(self) -> Round:
        """
        Publish once what rows of the outbox wait for: the oldest, those behind what could not be published, or our own.

        Raises StoreUnavailable; what was published is then sent again later.
        """
        await self._put_back()
        if not await self._holds_lease():
            return Round(is_holder=False)
        fresh_rows = self._fresh_rows()
        rows = fresh_rows or await self._rows()
        waiting = _ids_of(rows)
        answers = await self._current(rows, waiting)
        if self._has_overslept():
            return Round(is_holder=False)
        unpublished = await self._publish(answers, rows)
        for row in rows:
            await self._pending.settle(row, [id_ for id_ in row.transaction_ids if id_ in unpublished])
        if not unpublished:
            self._late = ()
            self._has_read_all = not fresh_rows and self._walk.after is None and len(rows) < ROWS_PER_ROUND_MAX
        self._walk.go_on(rows, has_failed=bool(unpublished))
        return Round(is_holder=True, published=len(waiting) - len(unpublished), unpublished=len(unpublished))

    async def stop(self) -> None:
        """Give the lease back, so that another relay need not wait for its end. Raises StoreUnavailable."""
        await self._put_back()
        await self._pending.release_lease(self._holder)

    async def _put_back(self) -> None:
        """
        Give the rows about which we have published late to whoever has the lease now.

        What we published came behind the newer answer of another relay perhaps, which has removed these rows or is
        about to: so they come back as new ones.
        """
        for row in self._late:
            await self._pending.put_back(row.transaction_ids)
        self._late = ()

    def _has_overslept(self) -> bool:
        """Tell whether our lease may be over, by our own clock: we may have been frozen at any time."""
        return self._monotonic_s() >= self._lease_ends_s

    async def _holds_lease(self) -> bool:
        """Prolong the lease when a third of it is over; time is taken before the call, so we never believe too long."""
        asked_at_s = self._monotonic_s()
        if asked_at_s < self._lease_renewal_due_s:
            return True
        is_ours = await self._pending.hold_lease(self._holder, LEASE_MS)
        if asked_at_s >= self._lease_ends_s:
            self._fresh_answers.forget()  # another relay publishes what is in the outbox, or may have done so meanwhile
            self._has_read_all = False
        if not is_ours:
            self._lease_renewal_due_s = self._lease_ends_s = float("-inf")
            return False
        self._lease_renewal_due_s = asked_at_s + LEASE_MS / 3_000
        self._lease_ends_s = asked_at_s + LEASE_MS / 1_000
        return True

    def _fresh_rows(self) -> Sequence[PendingRow]:
        """Give rows that we need not read, where the round before has read and published all that waits longer."""
        has_read_all, self._has_read_all = self._has_read_all, False
        return self._fresh_answers.rows(ROWS_PER_ROUND_MAX) if has_read_all else ()

    async def _rows(self) -> Sequence[PendingRow]:
        """Read the rows of this round; the oldest, when there is nothing behind those that were skipped."""
        if self._walk.after is not None:
            behind = await self._pending.pending(ROWS_PER_ROUND_MAX, after=self._walk.after)
            if behind:
                return behind
            self._walk = _Walk()
        return await self._pending.pending(ROWS_PER_ROUND_MAX)

    async def _publish(self, answers: Sequence[TransactionFinalized], rows: Sequence[PendingRow]) -> set[str]:
        """
        Publish until what was published is what the books say; give the ids that could not be published.

        An id without an answer is one of them: books that somebody has altered are no reason to tell nobody.
        ``_late`` keeps the rows as long as something went out at the end of our lease or behind it, and the books have
        not confirmed it.
        """
        waiting = _ids_of(rows)
        unpublished = set(waiting).difference(answer.transaction_id for answer in answers)
        seen: dict[str, int] = {}
        for _ in range(REVISIONS_PER_ROUND_MAX):
            if not answers:
                return unpublished
            for answer, is_published in zip(answers, await self._bus.publish_many(answers), strict=True):
                seen[answer.transaction_id] = answer.revision
                if not is_published:
                    unpublished.add(answer.transaction_id)
            if self._has_overslept():
                self._late = rows
            answers = await self._news(waiting, seen)
        return unpublished

    async def _current(self, rows: Sequence[PendingRow], waiting: Sequence[str]) -> list[TransactionFinalized]:
        """Give the recorded answers: a fresh one unless the books have a newer one, the others as they are read."""
        answers: dict[str, TransactionFinalized] = {}
        for row in rows:
            answers.update(self._fresh_answers.take(row))
        revisions = {id_: answer.revision for id_, answer in answers.items()}
        read = await self._news([id_ for id_ in waiting if id_ not in answers], {})
        read += await self._news(list(answers), revisions)
        answers.update((answer.transaction_id, answer) for answer in read)
        return list(answers.values())

    async def _news(self, transaction_ids: Sequence[str], seen: Mapping[str, int]) -> list[TransactionFinalized]:
        """Give the recorded answers that are newer than what this round has already tried to publish."""
        if not transaction_ids:
            return []
        seen_by_all = min(seen.get(id_, 0) for id_ in transaction_ids)
        answers = await self._pending.answers(transaction_ids, seen_by_all)
        return [answer for answer in answers.values() if answer.revision > seen.get(answer.transaction_id, 0)]


def _ids_of(rows: Sequence[PendingRow]) -> list[str]:
    """Give the transactions of these rows, each once."""
    return list(dict.fromkeys(id_ for row in rows for id_ in row.transaction_ids))
