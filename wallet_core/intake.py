"""Intake: a batch of deliveries goes in, and for each comes out how it ended and what becomes of it.

Everything about consuming that does not depend on a broker: reading, posting, the end of the wait for a late signup,
and the isolation of a poisonous event. Adapters bring the deliveries and carry out the settlements.

One event never costs another its turn: what cannot be read is set aside before the posting; an error that belongs to
one event alone is found by posting in ever smaller parts. An outage settles nothing: it is raised, the caller waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from wallet_core.batch import post
from wallet_core.commands import DeadLetterReason, Linked, OpenWallet, Request, Reverse, SetAside
from wallet_core.drafts import Plan
from wallet_core.errors import ConcurrentUpdate, ConsumptionHalted, StoreUnavailable, WalletError
from wallet_core.fresh_answers import FreshAnswers
from wallet_core.look_ahead import LookAhead
from wallet_core.messages import Message, Subject, request_of
from wallet_core.outcome import Outcome, set_aside
from wallet_core.policy import Policy
from wallet_core.ports import Clock, UnitOfWork
from wallet_core.settlement import RETRY_DELAYS_MS, Settlement, settlement_of

ISOLATED_IN_A_ROW_MAX = 5
"""More isolations in a row than this stop the consumption: then the fault is rather ours."""

ERROR_LENGTH_MAX = 500
"""Most characters of an error that travel in the header of a dead letter; a frame holds headers of many KiB."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    One attempt by a broker to hand over a message.

    ``message`` is SetAside when the bytes could not be read. ``attempts`` counts the retry queues it came through.
    ``dead_letter_id`` tells this copy of a message from its duplicates: drawn when it is first put into a retry queue,
    None before.
    """

    subject: Subject
    message: Message | SetAside
    attempts: int = 0
    dead_letter_id: str | None = None


@dataclass(frozen=True, slots=True)
class Handled:
    """How a delivery ended, and what becomes of it. ``key`` is its transaction or user id, None if it had none."""

    key: str | None
    outcome: Outcome
    settlement: Settlement


class BatchHalted(ConsumptionHalted):
    """
    Consumption stops in the middle of a batch.

    ``handled`` says how each delivery ended before that, None if it did not: settle those that have ended, or the next
    start would come to a stop at the same place; the others go back.
    """

    def __init__(self, halted: ConsumptionHalted, handled: tuple[Handled | None, ...]) -> None:
        """Say why, and what has ended."""
        super().__init__(halted.isolated_max, halted.last_error)
        self.handled = handled


class LateSignups(Protocol):
    """Whether a wallet that is unknown now may be on its way."""

    async def may_come(self) -> bool:
        """Tell whether signups wait in their queue; True as well while we cannot know. Raises nothing."""
        ...


class Intake:
    """Handles batches, one after the other. Kept are the isolations in a row, and what was decided ahead."""

    def __init__(  # noqa: PLR0913 - the ports it joins
        self,
        uow: UnitOfWork,
        clock: Clock,
        policy: Policy,
        late_signups: LateSignups,
        retry_delays_ms: Sequence[int] = RETRY_DELAYS_MS,
        *,
        fresh_answers: FreshAnswers | None = None,
    ) -> None:
        """
        Take the ports. ``retry_delays_ms`` must not be empty.

        ``fresh_answers`` gets what is committed, for the relay of this process.
        """
        self._uow = uow
        self._clock = clock
        self._policy = policy
        self._late_signups = late_signups
        self._retry_delays_ms = tuple(retry_delays_ms)
        self._isolated_in_a_row = 0
        self._halted: ConsumptionHalted | None = None
        self._fresh_answers = fresh_answers
        self._look_ahead = LookAhead(uow, clock, policy)
        self._on_storing: Callable[[], None] | None = None

    async def handle(
        self, deliveries: Sequence[Delivery], on_storing: Callable[[], None] | None = None
    ) -> tuple[Handled, ...]:
        """
        Post a batch in one unit of work and say what becomes of each delivery, in order.

        ``on_storing`` is called when a batch is decided and its storing begins: the time to ``look_ahead``.

        Raises StoreUnavailable and ConcurrentUpdate (nothing may be settled: wait and hand the batch in again), and
        BatchHalted (settle what has ended, then stop consuming).
        """
        ahead = self._look_ahead.take(deliveries)
        requests = await self._read_all(deliveries) if ahead is None else ahead.read
        plan = None if ahead is None else ahead.plan
        self._on_storing = on_storing
        try:
            ended = await self._post([request for request in requests if not isinstance(request, SetAside)], plan)
        finally:
            self._on_storing = None
        posted = iter(ended)
        outcomes = [
            set_aside(request.reason, request.detail) if isinstance(request, SetAside) else next(posted)
            for request in requests
        ]
        handled = tuple(map(self._handled, deliveries, requests, outcomes))
        if self._halted is not None:
            raise BatchHalted(self._halted, handled)
        return tuple(result for result in handled if result is not None)

    async def look_ahead(self, deliveries: Sequence[Delivery], breathe: Callable[[], Awaitable[None]]) -> None:
        """
        Decide about what comes next, while the batch in hand is stored; ``handle`` then finds it done, or does it.

        Call it from ``on_storing`` on, beside ``handle``, and let it end, or cancel it, before the next ``handle``.
        ``breathe`` lets others have their turn. An outage, or what is wrong with the books, is for ``handle`` to raise.
        """
        if any(map(self._has_waited, deliveries)):
            return  # whether their wait is over is asked when it is their turn
        try:
            await self._look_ahead.decide(deliveries, partial(self._read, wait_is_over=False), breathe)
        except (WalletError, OSError):
            return  # nothing was decided; if it comes again, it is ``handle`` that tells

    async def _read_all(self, deliveries: Sequence[Delivery]) -> list[Request | SetAside]:
        wait_is_over = await self._wait_is_over(deliveries)
        return [self._read(delivery, wait_is_over) for delivery in deliveries]

    async def _wait_is_over(self, deliveries: Sequence[Delivery]) -> bool:
        """Ask only when a delivery has used up its delays; the answer then holds for the whole batch."""
        if not any(self._has_waited(delivery) for delivery in deliveries):
            return False
        return not await self._late_signups.may_come()

    def _has_waited(self, delivery: Delivery) -> bool:
        return delivery.attempts >= len(self._retry_delays_ms)

    def _read(self, delivery: Delivery, wait_is_over: bool) -> Request | SetAside:  # noqa: FBT001 - both callers are above
        if isinstance(delivery.message, SetAside):
            return delivery.message
        request = request_of(delivery.subject, delivery.message, self._policy.currency)
        if wait_is_over and isinstance(request, Linked) and self._has_waited(delivery):
            return request._replace(wait_is_over=True)
        if isinstance(request, Reverse) and self._has_waited(delivery):
            return replace(request, dead_letter_id=delivery.dead_letter_id)
        return request

    async def _post(self, requests: Sequence[Request], plan: Plan | None) -> Sequence[Outcome | None]:
        self._halted = None
        if not requests:
            return ()
        outcomes = await self._post_together(requests, plan)
        return await self._post_apart(requests) if outcomes is None else outcomes

    async def _post_together(self, requests: Sequence[Request], plan: Plan | None = None) -> Sequence[Outcome] | None:
        """Post in one unit of work; None when that raises an error that may belong to one event among them."""
        try:
            outcomes = await self._post_once(requests, plan)
        except (StoreUnavailable, ConcurrentUpdate):
            raise
        except Exception:  # noqa: BLE001 - decision: whatever it is, find the event it belongs to; nothing is lost
            return None
        self._isolated_in_a_row = 0
        return outcomes

    async def _post_once(self, requests: Sequence[Request], plan: Plan | None = None) -> Sequence[Outcome]:
        """Post in one unit of work. A time-out or network error that an adapter lets through is an outage too."""
        try:
            posted = await post(requests, self._uow, self._clock, self._policy, ahead=plan, on_plan=self._storing)
        except BaseException as error:
            self._look_ahead.failed()
            if isinstance(error, OSError):
                raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
            raise
        self._look_ahead.committed(posted)
        if self._fresh_answers is not None and posted.row is not None:
            self._fresh_answers.remember(posted.row, posted.plan.answers())
        return posted.plan.outcomes

    def _storing(self, plan: Plan) -> None:
        self._look_ahead.storing(plan)
        if self._on_storing is not None:
            self._on_storing()

    async def _post_apart(self, requests: Sequence[Request]) -> Sequence[Outcome | None]:
        """
        Do what the batch would have done, signups first, in halves and halves of halves; None once halted.

        So one poisonous event among 3,000 costs some 20 units of work more, and its neighbours hardly wait for it.
        """
        outcomes: dict[int, Outcome] = {}
        signups_first = sorted(range(len(requests)), key=lambda at: not isinstance(requests[at], OpenWallet))
        parts = _halves(signups_first)
        while parts:
            part = parts.pop()
            together = [requests[position] for position in part]
            try:
                posted = [await self._post_alone(*together)] if len(part) == 1 else await self._post_together(together)
            except ConsumptionHalted as halted:
                self._halted = halted
                break
            if posted is None:
                parts += _halves(part)
            else:
                outcomes.update(zip(part, posted, strict=True))
        return [outcomes.get(position) for position in range(len(requests))]

    async def _post_alone(self, request: Request) -> Outcome:
        """Give an event a second try; isolate it only while the store does commit an empty unit of work."""
        error: Exception | None = None
        for _ in range(2):
            try:
                (outcome,) = await self._post_once([request])
            except (StoreUnavailable, ConcurrentUpdate):
                raise
            except Exception as raised:  # noqa: BLE001 - decision: the event is set aside with the error, see below
                error = raised
            else:
                self._isolated_in_a_row = 0
                return outcome
        await self._uow.probe()
        return self._isolate(f"{type(error).__name__}: {error}"[:ERROR_LENGTH_MAX])

    def _isolate(self, error: str) -> Outcome:
        self._isolated_in_a_row += 1
        if self._isolated_in_a_row > ISOLATED_IN_A_ROW_MAX:
            raise ConsumptionHalted(ISOLATED_IN_A_ROW_MAX, error)
        return set_aside(DeadLetterReason.ISOLATED_ERROR, error)

    def _handled(self, delivery: Delivery, request: Request | SetAside, outcome: Outcome | None) -> Handled | None:
        if outcome is None:
            return None
        settlement = settlement_of(outcome, delivery.attempts, self._retry_delays_ms)
        return Handled(_key_of(request), outcome, settlement)


def _halves(positions: Sequence[int]) -> list[Sequence[int]]:
    """Halve a part, the first half last, where the next is taken from; one that cannot be halved is given as it is."""
    middle = len(positions) // 2
    return [half for half in (positions[middle:], positions[:middle]) if half]


def _key_of(request: Request | SetAside) -> str | None:
    if isinstance(request, SetAside):
        return None
    return request.user_id if isinstance(request, OpenWallet) else request.transaction_id
