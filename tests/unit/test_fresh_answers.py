"""Fresh answers: what is in memory still is not read back, and what is published is the same as without them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import pytest

from tests.consumer import Signups
from tests.scenario import ALICE, Event, Scenario, failed, topup, transaction_id
from tests.unit.test_relay import Broker
from wallet_core import (
    Ack,
    Delivery,
    FinalStatus,
    FreshAnswers,
    Handled,
    Intake,
    Relay,
    StoreUnavailable,
    TransactionFinalized,
    Vocabulary,
)
from wallet_core.fresh_answers import ANSWERS_MAX
from wallet_core.memory import MemoryStore
from wallet_core.ports import Clock

T, OTHER = transaction_id(1), transaction_id(2)


class Store(MemoryStore):
    """Books that keep which answers were asked for."""

    def __init__(self, clock: Clock) -> None:
        """Begin with empty books."""
        super().__init__(clock)
        self.questions: list[tuple[tuple[str, ...], int]] = []

    async def answers(
        self, transaction_ids: Collection[str], above_revision: int = 0
    ) -> Mapping[str, TransactionFinalized]:
        """Keep the question, and answer it."""
        self.questions.append((tuple(transaction_ids), above_revision))
        return await super().answers(transaction_ids, above_revision)


class Process:
    """One process: an intake and a relay that share the fresh answers."""

    def __init__(self) -> None:
        """Alice has a wallet."""
        self.scenario = Scenario(store_of=Store)
        assert isinstance(self.scenario.store, Store)
        self.store = self.scenario.store
        self.scenario.open(ALICE)
        self.broker = Broker()
        self.fresh = FreshAnswers()
        scenario = self.scenario
        self.intake = Intake(self.store, scenario.clock, scenario.policy, Signups(), fresh_answers=self.fresh)
        self._relay = Relay(self.store, self.broker, "relay-1", scenario.clock.monotonic_s, self.fresh)

    def handle(self, *events: Event) -> tuple[Handled, ...]:
        """Hand in one batch."""
        return asyncio.run(self.intake.handle([Delivery(event.subject, event.message) for event in events]))

    def publish(self) -> None:
        """Do one round of the relay."""
        asyncio.run(self._relay.publish_pending())


@pytest.fixture
def process() -> Process:
    """Nothing is answered yet."""
    return Process()


def answer(number: int, revision: int = 1) -> TransactionFinalized:
    """Give an answer about one of many transactions."""
    return TransactionFinalized(
        transaction_id=transaction_id(number),
        revision=revision,
        status=FinalStatus.COMPLETED,
        reason=None,
        user_id=ALICE,
        vocabulary=Vocabulary.V1,
        finalized_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_fresh_answer_is_not_read_back(process: Process) -> None:
    """Of what this process has committed the books are asked for newer answers only, before and after publishing."""
    process.handle(topup(T, ALICE, 1), topup(OTHER, ALICE, 1))

    process.publish()

    assert [[(T, 1), (OTHER, 1)]] == process.broker.calls
    assert [((T, OTHER), 1), ((T, OTHER), 1)] == process.store.questions
    assert [] == asyncio.run(process.store.pending(1))


def test_newer_answer_in_the_books_counts(process: Process) -> None:
    """What another process has answered since is published, and what is fresh here is not."""
    process.handle(topup(T, ALICE, 1))
    process.scenario.post(failed(T))

    process.publish()

    assert [[(T, 2)]] == process.broker.calls


def test_answer_of_a_reversal_is_fresh(process: Process) -> None:
    """A transaction that is answered anew is published anew, and not read back either."""
    process.handle(topup(T, ALICE, 1))
    process.publish()
    process.handle(failed(T))

    process.publish()

    assert [[(T, 1)], [(T, 2)]] == process.broker.calls
    assert ((T,), 2) == process.store.questions[-1] == process.store.questions[-2]


def test_transaction_without_an_answer_is_not_published(process: Process) -> None:
    """One that failed before it completed is recorded, and nobody is told."""
    (handled,) = process.handle(failed(OTHER))

    process.publish()

    assert Ack() == handled.settlement
    assert ([], 0) == (process.broker.calls, len(process.fresh))


def test_answers_of_others_are_read(process: Process) -> None:
    """A round publishes what is fresh here and what another process has left, each once."""
    process.scenario.post(topup(OTHER, ALICE, 1))
    process.handle(topup(T, ALICE, 1))

    process.publish()

    assert [[(OTHER, 1), (T, 1)]] == [sorted(call, reverse=True) for call in process.broker.calls]
    assert [] == asyncio.run(process.store.pending(1))


def test_answer_that_is_not_taken_is_read_next_time(process: Process) -> None:
    """Each is kept for one publication: what the broker refuses comes from the books in a later round."""
    process.broker.refused = {T}
    process.handle(topup(T, ALICE, 1))
    process.publish()
    process.broker.refused = set()

    process.publish()

    assert [[(T, 1)], [(T, 1)]] == process.broker.calls
    assert 0 == len(process.fresh)


def test_answer_that_is_not_committed_is_not_fresh(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is told of a unit of work that has not ended well: it may not have happened."""

    async def lose(*_: object) -> None:
        raise StoreUnavailable("the database did not say how a commit ended")

    monkeypatch.setattr(process.store, "run", lose)

    with pytest.raises(StoreUnavailable):
        process.handle(topup(T, ALICE, 1))

    assert 0 == len(process.fresh)


def test_newer_answer_takes_the_place_of_the_older() -> None:
    """There is one answer of a transaction: its last."""
    fresh = FreshAnswers()

    fresh.remember([answer(1)])
    fresh.remember([answer(1, revision=2)])

    assert {T: answer(1, revision=2)} == fresh.take([T])


def test_oldest_leave_where_nobody_publishes() -> None:
    """A relay that has no lease, or no broker, takes nothing: the number is bounded, and the newest stay."""
    fresh = FreshAnswers()

    fresh.remember(map(answer, range(ANSWERS_MAX)))
    fresh.remember([answer(0), answer(ANSWERS_MAX)])

    assert ANSWERS_MAX == len(fresh)
    assert {transaction_id(0), transaction_id(ANSWERS_MAX)} == set(
        fresh.take([transaction_id(number) for number in (0, 1, ANSWERS_MAX)])
    )
