"""Fresh answers: what is in memory still is not read back, and what is published is the same as without them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.consumer import Signups
from tests.scenario import ALICE, BOB, Event, Scenario, failed, topup, transaction_id, transfer
from tests.unit.test_relay import Broker
from wallet_core import (
    Ack,
    Delivery,
    FinalStatus,
    FreshAnswers,
    Handled,
    Intake,
    Relay,
    Round,
    StoreUnavailable,
    TransactionFinalized,
    Vocabulary,
)
from wallet_core.fresh_answers import ANSWERS_MAX, EARLY_MAX
from wallet_core.memory import MemoryStore
from wallet_core.ports import Clock, PendingRow
from wallet_core.relay import LEASE_MS, ROWS_PER_ROUND_MAX

T, OTHER = transaction_id(1), transaction_id(2)


class Store(MemoryStore):
    """Books that keep which answers were asked for, and how often the outbox was read."""

    def __init__(self, clock: Clock) -> None:
        """Begin with empty books."""
        super().__init__(clock)
        self.questions: list[tuple[tuple[str, ...], int]] = []
        self.outbox_reads = 0

    async def pending(self, rows_max: int, after: PendingRow | None = None) -> Sequence[PendingRow]:
        """Count it, and give the rows."""
        self.outbox_reads += 1
        return await super().pending(rows_max, after)

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

    def publish(self) -> Round:
        """Do one round of the relay."""
        return asyncio.run(self._relay.publish_pending())

    def read_outbox(self) -> None:
        """Do a round of the relay that finds nothing: from then on what is fresh goes first."""
        assert Round(is_holder=True) == self.publish()
        self.store.outbox_reads = 0


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
    process.read_outbox()
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


def test_outbox_is_not_read_for_what_is_fresh(process: Process) -> None:
    """Where nothing waits longer, an answer leaves its row without that the row is read first."""
    process.read_outbox()
    process.handle(topup(T, ALICE, 1))

    result = process.publish()

    assert (Round(is_holder=True, published=1), [[(T, 1)]], 0) == (
        result,
        process.broker.calls,
        process.store.outbox_reads,
    )
    assert [] == asyncio.run(process.store.pending(1))


def test_newer_answer_counts_where_the_outbox_was_not_read(process: Process) -> None:
    """What is fresh here may be old in the books: they are asked before it is published."""
    process.read_outbox()
    process.handle(topup(T, ALICE, 1))
    process.scenario.post(failed(T))

    process.publish()
    process.publish()

    assert [[(T, 2)], [(T, 2)]] == process.broker.calls
    assert [] == asyncio.run(process.store.pending(1))


def test_what_is_fresh_holds_up_no_answers_of_others(process: Process) -> None:
    """However much comes, every other round reads the outbox: what another process has left goes out with it."""
    process.read_outbox()
    process.scenario.post(topup(OTHER, ALICE, 1))

    for number in (3, 4):
        process.handle(topup(transaction_id(number), ALICE, 1))
        process.publish()

    assert [[(transaction_id(3), 1)], [(transaction_id(4), 1), (OTHER, 1)]] == process.broker.calls
    assert [] == asyncio.run(process.store.pending(1))


def test_what_waits_longer_goes_first(process: Process) -> None:
    """Behind an outage the oldest answers leave first, as long as there are more than one round of them."""
    for number in range(2 * ROWS_PER_ROUND_MAX):
        process.scenario.post(topup(transaction_id(100 + number), ALICE, 1))
    process.publish()
    process.handle(topup(T, ALICE, 1))

    process.publish()
    process.publish()

    published = [id_ for call in process.broker.calls for id_, _ in call]
    assert [*(transaction_id(100 + number) for number in range(2 * ROWS_PER_ROUND_MAX)), T] == published


def test_fresh_answer_that_is_not_taken_waits_in_the_outbox(process: Process) -> None:
    """What the broker refuses is read from the outbox in later rounds, and what is fresh then does not pass it."""
    process.read_outbox()
    process.broker.refused = {T}
    process.handle(topup(T, ALICE, 1))
    assert [Round(is_holder=True, unpublished=1)] * 2 == [process.publish(), process.publish()]
    process.broker.refused = set()
    process.handle(topup(OTHER, ALICE, 1))

    process.publish()

    assert [[(T, 1)], [(T, 1)], [(OTHER, 1), (T, 1)]] == process.broker.calls
    assert (2, []) == (process.store.outbox_reads, asyncio.run(process.store.pending(1)))


def test_what_could_not_be_compared_is_not_passed_by_what_is_fresh(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round that has read the outbox and failed has published nothing: what it has read goes first in the next."""

    async def be_away(*_: object) -> None:
        raise StoreUnavailable("away")

    process.scenario.post(topup(T, ALICE, 1))
    with monkeypatch.context() as patch:
        patch.setattr(process.store, "answers", be_away)
        with pytest.raises(StoreUnavailable):
            process.publish()
    process.handle(topup(OTHER, ALICE, 1))

    process.publish()

    assert [[(T, 1), (OTHER, 1)]] == [sorted(call) for call in process.broker.calls]


def test_what_was_refused_is_not_passed_by_what_is_fresh(process: Process) -> None:
    """Behind a round that nobody took the outbox has been read to its end, and yet something waits longer."""
    oldest = [transaction_id(100 + number) for number in range(ROWS_PER_ROUND_MAX)]
    for id_ in (*oldest, T):
        process.scenario.post(topup(id_, ALICE, 1))
    process.broker.refused = set(oldest)
    for _ in range(2):
        process.publish()
    process.broker.refused = set()
    process.handle(topup(OTHER, ALICE, 1))

    process.publish()

    assert [oldest, [T], oldest] == [[id_ for id_, _ in call] for call in process.broker.calls]


def test_fresh_round_is_as_short_as_any(process: Process) -> None:
    """However many rows are fresh, a round publishes a few: what a crash publishes twice is bounded."""
    process.read_outbox()
    for number in range(ROWS_PER_ROUND_MAX + 1):
        process.handle(topup(transaction_id(number), ALICE, 1))

    assert Round(is_holder=True, published=ROWS_PER_ROUND_MAX) == process.publish()
    assert Round(is_holder=True, published=1) == process.publish()


def test_what_another_relay_has_published_is_not_fresh(process: Process) -> None:
    """Who gets the lease again begins with the outbox: in the meantime another one may have published it all."""
    process.read_outbox()
    process.scenario.clock.advance(timedelta(milliseconds=LEASE_MS))
    process.handle(topup(T, ALICE, 1))
    other = Relay(process.store, process.broker, "relay-2", process.scenario.clock.monotonic_s)
    asyncio.run(other.publish_pending())
    asyncio.run(other.stop())

    process.publish()
    process.publish()

    assert [[(T, 1)]] == process.broker.calls


def test_row_that_is_read_before_its_commit_has_returned_is_published_once(process: Process) -> None:
    """The relay may see a commit sooner than whoever waits for it: it is not fresh any more when it returns."""
    process.read_outbox()
    remember = process.fresh.remember
    process.fresh.remember = lambda *_: None  # type: ignore[method-assign]
    process.handle(topup(T, ALICE, 1))
    (row,) = asyncio.run(process.store.pending(1))
    process.publish()

    remember(row, [answer(1)])
    process.publish()

    assert [[(T, 1)]] == process.broker.calls


def test_who_has_no_lease_keeps_nothing_fresh(process: Process) -> None:
    """Another relay publishes it; once we have the lease, the outbox says what is left."""
    process.read_outbox()
    process.scenario.clock.advance(timedelta(milliseconds=LEASE_MS))
    asyncio.run(process.store.hold_lease("relay-2", LEASE_MS))
    process.handle(topup(T, ALICE, 1))

    assert Round(is_holder=False) == process.publish()

    assert ([], 0) == (process.broker.calls, len(process.fresh))
    process.scenario.clock.advance(timedelta(milliseconds=LEASE_MS))
    process.handle(topup(OTHER, ALICE, 1))
    process.publish()
    assert [[(T, 1), (OTHER, 1)]] == [sorted(call) for call in process.broker.calls]
    assert 1 == process.store.outbox_reads


def test_answer_that_does_not_wait_is_not_fresh(process: Process) -> None:
    """A record that changes without a new answer has one, and nobody is told again: its reversal is due."""
    process.scenario.open(BOB)
    process.handle(topup(OTHER, ALICE, 1), transfer(T, ALICE, BOB, 1))
    process.publish()
    process.handle(transfer(transaction_id(3), BOB, ALICE, 1))
    process.publish()
    process.read_outbox()
    published = len(process.broker.calls)

    process.handle(failed(T), topup(transaction_id(4), ALICE, 1))
    process.publish()

    assert [[(transaction_id(4), 1)]] == process.broker.calls[published:]


def row_of(number: int, *transaction_numbers: int) -> PendingRow:
    """Give a row in which these transactions wait."""
    return PendingRow(str(number), tuple(map(transaction_id, transaction_numbers)), datetime(2026, 1, 1, tzinfo=UTC))


def test_oldest_leave_where_nobody_publishes() -> None:
    """A relay that has no broker takes nothing: the number of answers is bounded, and the newest rows stay."""
    fresh = FreshAnswers()
    rows = [row_of(0, 0), row_of(1, *range(1, ANSWERS_MAX)), row_of(2, ANSWERS_MAX)]

    for row in rows:
        fresh.remember(row, map(answer, range(ANSWERS_MAX + 1)))

    assert ANSWERS_MAX == len(fresh)
    assert rows[1:] == fresh.rows(3)


def test_row_of_repeats_counts() -> None:
    """A row whose answers are not known here takes room all the same: of many of them the oldest leave."""
    fresh = FreshAnswers()
    rows = [row_of(number, *range(ANSWERS_MAX // 2)) for number in range(3)]

    for row in rows:
        fresh.remember(row, [])

    assert rows[1:] == fresh.rows(3)
    assert ANSWERS_MAX == len(fresh)
    fresh.take(rows[1])
    assert ANSWERS_MAX // 2 == len(fresh)
    fresh.forget()
    assert 0 == len(fresh)


def test_rows_taken_early_are_forgotten_in_time() -> None:
    """Rows of other processes are never remembered here: of so many the oldest are forgotten."""
    fresh = FreshAnswers()
    for number in range(EARLY_MAX + 1):
        fresh.take(row_of(number, number))

    for number in (0, 1):
        fresh.remember(row_of(number, number), [answer(number)])

    assert [row_of(0, 0)] == fresh.rows(2)
