"""Reads that wait together share one query: who asks while one is under way is answered by the next.

::

    question ──> waiting ── none is under way, or only slow ones: at once ──> one query for all that wait
                    └────── else: when it has ended, or is slow ─────────────┘

No timer holds anything back: a question that comes alone goes out alone, in the next turn of the loop. A question only
ever joins a query that has not been sent, so no answer is older than its question; and when a query has ended, nothing
of it is kept.

Bounds: ``questions_max`` in each query, QUERIES_MAX queries under way, WAIT_S_MAX from a question to its answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from wallet_core.errors import StoreUnavailable

Question = TypeVar("Question")
Answer = TypeVar("Answer")

QUERIES_MAX = 4
"""Most queries under way at once: enough to pass by a connection that hangs, and few of the client's pool."""

SLOW_S = 0.02
"""Age from which a query under way does not hold back the next one, seconds. It takes 1 to 5 ms where nothing is wrong,
and until then it pays to gather: a query costs nearly as much for one question as for a hundred."""

WAIT_S_MAX = 5.0
"""Longest wait for an answer, seconds: it takes milliseconds, and clients and gateways give up after some ten."""


class _Waiting(NamedTuple, Generic[Question, Answer]):
    """One question, who waits for its answer, and until when (on the loop's clock)."""

    question: Question
    answer: asyncio.Future[Answer | None]
    until_s: float


class SharedQuery(Generic[Question, Answer]):
    """Asks the database once for all questions that wait. One instance serves all tasks of a loop."""

    def __init__(
        self, ask_many: Callable[[Sequence[Question]], Awaitable[Mapping[Question, Answer]]], questions_max: int
    ) -> None:
        """
        Take what sends one query and gives what it found by question; a question that found nothing may be absent.

        A question may be among those of one query twice.
        """
        self._ask_many = ask_many
        self._questions_max = questions_max
        self._waiting: deque[_Waiting[Question, Answer]] = deque()
        self._under_way: set[asyncio.Task[Mapping[Question, Answer]]] = set()
        self._holds_back: asyncio.Task[Mapping[Question, Answer]] | None = None
        self._is_due = False

    async def ask(self, question: Question) -> Answer | None:
        """
        Give what a query that is sent from now on finds, None for nothing. Who is cancelled takes nothing from others.

        Raises what the query raises, and StoreUnavailable when there is no answer within WAIT_S_MAX.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer | None] = loop.create_future()
        self._waiting.append(_Waiting(question, answer, loop.time() + WAIT_S_MAX))
        if not self._is_due and self._holds_back is None:
            self._is_due = True
            loop.call_soon(self._send)  # not now: what else has arrived in this turn of the loop goes with it
        return await answer

    def _send(self) -> None:
        """Send what waits, or as much of it as may go."""
        self._is_due = False
        if not self._waiting or self._holds_back is not None or len(self._under_way) >= QUERIES_MAX:
            return
        together = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._questions_max))]
        query = asyncio.create_task(
            self._answers(together),
            name="shared-query",
            context=Context(),  # of many requests: of none of them
        )
        slow = query.get_loop().call_later(SLOW_S, self._let_the_next_go, query)
        query.add_done_callback(partial(self._end, together, slow))
        self._under_way.add(query)
        self._holds_back = query

    def _let_the_next_go(self, query: asyncio.Task[Mapping[Question, Answer]]) -> None:
        if self._holds_back is query:
            self._holds_back = None
        self._send()

    async def _answers(self, together: Sequence[_Waiting[Question, Answer]]) -> Mapping[Question, Answer]:
        try:
            async with asyncio.timeout_at(together[0].until_s):  # who has waited longest
                return await self._ask_many([waiting.question for waiting in together])
        except TimeoutError as error:
            raise StoreUnavailable(f"the database has not answered a read for {WAIT_S_MAX} s") from error

    def _end(
        self,
        together: Sequence[_Waiting[Question, Answer]],
        slow: asyncio.TimerHandle,
        query: asyncio.Task[Mapping[Question, Answer]],
    ) -> None:
        slow.cancel()
        self._under_way.discard(query)
        for question, answer, _ in together:
            if answer.done():  # cancelled: nobody waits
                continue
            if query.cancelled():
                answer.cancel()
            elif (error := query.exception()) is not None:
                answer.set_exception(_own(error))
            else:
                answer.set_result(query.result().get(question))
        self._let_the_next_go(query)


def _own(error: BaseException) -> BaseException:
    """Give each who waits an outage of its own: a raised error collects the traceback of whoever raises it."""
    return StoreUnavailable(str(error)) if isinstance(error, StoreUnavailable) else error
