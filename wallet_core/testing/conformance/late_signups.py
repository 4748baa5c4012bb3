"""What whoever is asked for late signups must know: what waits in the queue, and nothing else."""

# ruff: noqa: S101 - a suite speaks in asserts

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wallet_core.intake import LateSignups

TIMES = 50
"""How often a race between a signup and our question is run."""


@dataclass(frozen=True, slots=True)
class SignupQueue:
    """
    The queue of signups, and whoever is asked about it: old enough to know, and in touch with the broker.

    ``sign_up`` returns when one more signup waits, ``complete`` when a ``transaction.completed`` does. ``take`` hands
    the oldest signup to a batch and runs what it is given while the batch is handled; then the signup is settled.
    """

    late_signups: LateSignups
    sign_up: Callable[[], Awaitable[None]]
    complete: Callable[[], Awaitable[None]]
    take: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]


class LateSignupsSuite:
    """Provide the fixture ``queue``: a ``SignupQueue`` that is empty."""

    async def test_nobody_waits(self, queue: SignupQueue) -> None:
        """Of an empty queue no signup may come any more."""
        assert not await queue.late_signups.may_come()

    async def test_a_signup_in_the_queue_may_come(self, queue: SignupQueue) -> None:
        """As long as one waits that no batch has taken, it may come."""
        await queue.sign_up()
        await queue.sign_up()

        assert await queue.late_signups.may_come()
        await queue.take(self._nothing)
        assert await queue.late_signups.may_come()
        await queue.take(self._nothing)
        assert not await queue.late_signups.may_come()

    async def test_a_signup_of_this_very_batch_has_come(self, queue: SignupQueue) -> None:
        """While its batch is handled a signup is not late any more: signups of a batch are decided first."""
        asked: list[bool] = []

        async def ask() -> None:
            asked.append(await queue.late_signups.may_come())

        await queue.sign_up()
        await queue.take(ask)

        assert asked == [False]

    async def test_other_events_do_not_count(self, queue: SignupQueue) -> None:
        """Transactions that wait say nothing about signups."""
        await queue.complete()

        assert not await queue.late_signups.may_come()

    async def test_a_signup_is_never_overlooked(self, queue: SignupQueue) -> None:
        """However soon after its publication we ask, it is seen."""
        for _ in range(TIMES):
            await queue.sign_up()

            assert await queue.late_signups.may_come()
            await queue.take(self._nothing)

    async def _nothing(self) -> None:
        """Do nothing meanwhile."""
