"""The relay: the last answer published is the one in the books; what was not taken is published again (rule 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from tests.scenario import ALICE, Event, Scenario, failed, topup, topup_v1, transaction_id
from wallet_core import Relay, Round, TransactionFinalized, post_all
from wallet_core.relay import LEASE_MS

T = transaction_id(1)
OTHER = transaction_id(2)


class Broker:
    """An EventBus that records every call, takes all but ``refused`` ids, and lets something happen meanwhile."""

    def __init__(self) -> None:
        """Start with nothing published."""
        self.calls: list[list[tuple[str, int]]] = []
        self.refused: set[str] = set()
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """Publish, then let the next thing happen before the confirmation."""
        self.calls.append([(answer.transaction_id, answer.revision) for answer in answers])
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        return [answer.transaction_id not in self.refused for answer in answers]


@pytest.fixture
def scenario() -> Scenario:
    """Alice has a wallet."""
    scenario = Scenario()
    scenario.open(ALICE)
    return scenario


def relay_of(scenario: Scenario, broker: Broker, holder: str = "relay-1") -> Relay:
    """Give a relay from the scenario's outbox to a broker."""
    return Relay(scenario.store, broker, holder, scenario.clock.monotonic_s)


def posting(scenario: Scenario, event: Event) -> Callable[[], Awaitable[object]]:
    """Post an event when called."""

    async def post() -> object:
        return await post_all(scenario.requests([event]), scenario.store, scenario.clock, scenario.policy)

    return post


def waiting(scenario: Scenario) -> list[tuple[str, ...]]:
    """Give the rows of the outbox."""
    return [row.transaction_ids for row in asyncio.run(scenario.store.pending(100))]


def test_waiting_answers_are_published_once(scenario: Scenario) -> None:
    """What waits is published in one call, removed, and not published again."""
    scenario.post(topup(T, ALICE, 1), topup_v1(OTHER, ALICE, 1))
    broker = Broker()
    relay = relay_of(scenario, broker)

    first, second = (asyncio.run(relay.publish_pending()) for _ in range(2))

    assert (Round(is_holder=True, published=2), Round(is_holder=True)) == (first, second)
    assert [[(T, 1), (OTHER, 1)]] == broker.calls
    assert [] == waiting(scenario)


def test_current_answer_is_published(scenario: Scenario) -> None:
    """An answer that was replaced before it went out is never published."""
    scenario.post(topup(T, ALICE, 1))
    scenario.post(failed(T))
    broker = Broker()

    asyncio.run(relay_of(scenario, broker).publish_pending())

    assert [[(T, 2)]] == broker.calls
    assert [] == waiting(scenario)


def test_answer_that_moves_on_is_published_again(scenario: Scenario) -> None:
    """When the books move on between publish and confirm, the newer answer follows in the same round."""
    scenario.post(topup(T, ALICE, 1), topup(OTHER, ALICE, 1))
    broker = Broker()
    broker.meanwhile = [posting(scenario, failed(T))]

    asyncio.run(relay_of(scenario, broker).publish_pending())

    assert [[(T, 1), (OTHER, 1)], [(T, 2)]] == broker.calls


def test_last_answer_published_is_the_one_in_the_books(scenario: Scenario) -> None:
    """However rounds and reversals interleave, the last publication of a transaction is its recorded answer."""
    scenario.post(topup(T, ALICE, 1))
    broker = Broker()
    broker.meanwhile = [posting(scenario, failed(T)), posting(scenario, topup(T, ALICE, 1))]
    relay = relay_of(scenario, broker)

    for _ in range(5):
        asyncio.run(relay.publish_pending())

    assert (T, 2) == [pair for call in broker.calls for pair in call][-1]
    assert [] == waiting(scenario)


def test_no_two_answers_of_one_transaction_in_one_call(scenario: Scenario) -> None:
    """Several rows about one transaction give one publication at a time."""
    scenario.post(topup(T, ALICE, 1))
    scenario.post(topup(T, ALICE, 1))
    scenario.post(failed(T))
    broker = Broker()

    result = asyncio.run(relay_of(scenario, broker).publish_pending())

    assert Round(is_holder=True, published=1) == result
    assert [[(T, 2)]] == broker.calls
    assert [] == waiting(scenario)


def test_failed_publication_keeps_only_what_is_unpublished(scenario: Scenario) -> None:
    """What the broker did not take stays in its row, alone, and goes out in a later round."""
    scenario.post(topup(T, ALICE, 1), topup(OTHER, ALICE, 1))
    scenario.post(topup(transaction_id(3), ALICE, 1))
    broker = Broker()
    broker.refused = {T}
    relay = relay_of(scenario, broker)

    first = asyncio.run(relay.publish_pending())
    left = waiting(scenario)
    broker.refused = set()
    second = asyncio.run(relay.publish_pending())

    assert Round(is_holder=True, published=2, unpublished=1) == first
    assert [(T,)] == left
    assert Round(is_holder=True, published=1) == second
    assert [[(T, 1), (OTHER, 1), (transaction_id(3), 1)], [(T, 1)]] == broker.calls
    assert [] == waiting(scenario)


def test_refused_answer_is_tried_once_in_a_round(scenario: Scenario) -> None:
    """A broker that takes nothing is not hammered: one try for each answer and round."""
    scenario.post(topup(T, ALICE, 1))
    broker = Broker()
    broker.refused = {T}

    result = asyncio.run(relay_of(scenario, broker).publish_pending())

    assert (1, Round(is_holder=True, unpublished=1)) == (len(broker.calls), result)


def test_newer_answer_that_is_not_taken_stays(scenario: Scenario) -> None:
    """If the first answer went out and the newer one did not, the transaction stays in the outbox."""
    scenario.post(topup(T, ALICE, 1))
    broker = Broker()

    async def refuse_from_now_on() -> None:
        await posting(scenario, failed(T))()
        broker.meanwhile.append(refuse)

    async def refuse() -> None:
        broker.refused = {T}

    broker.meanwhile = [refuse_from_now_on]
    relay = relay_of(scenario, broker)

    asyncio.run(relay.publish_pending())
    assert [[(T, 1)], [(T, 2)]] == broker.calls
    broker.refused = set()
    asyncio.run(relay.publish_pending())

    assert (T, 2) == broker.calls[-1][-1]
    assert [] == waiting(scenario)


def test_one_relay_works_at_a_time(scenario: Scenario) -> None:
    """While one relay has the lease another one looks at nothing."""
    scenario.post(topup(T, ALICE, 1))
    broker, idle = Broker(), Broker()
    asyncio.run(relay_of(scenario, broker).publish_pending())
    scenario.post(topup(OTHER, ALICE, 1))

    result = asyncio.run(relay_of(scenario, idle, "relay-2").publish_pending())

    assert (Round(is_holder=False), []) == (result, idle.calls)
    assert [(OTHER,)] == waiting(scenario)


def test_relay_that_stops_hands_over_at_once(scenario: Scenario) -> None:
    """A relay that ends in order gives its lease back."""
    first = relay_of(scenario, Broker())
    asyncio.run(first.publish_pending())

    asyncio.run(first.stop())

    assert asyncio.run(relay_of(scenario, Broker(), "relay-2").publish_pending()).is_holder


def test_relay_that_died_is_replaced_when_its_lease_ends(scenario: Scenario) -> None:
    """The lease of a relay that is gone ends by itself."""
    asyncio.run(relay_of(scenario, Broker()).publish_pending())
    second = relay_of(scenario, Broker(), "relay-2")

    scenario.clock.advance(timedelta(milliseconds=LEASE_MS - 1))
    early = asyncio.run(second.publish_pending())
    scenario.clock.advance(timedelta(milliseconds=1))
    late = asyncio.run(second.publish_pending())

    assert (False, True) == (early.is_holder, late.is_holder)


def test_working_relay_keeps_its_lease(scenario: Scenario) -> None:
    """A relay that works round after round prolongs its lease in time, for ever."""
    first, second = relay_of(scenario, Broker()), relay_of(scenario, Broker(), "relay-2")

    for _ in range(100):
        assert asyncio.run(first.publish_pending()).is_holder
        assert not asyncio.run(second.publish_pending()).is_holder
        scenario.clock.advance(timedelta(seconds=1))


def test_frozen_relay_notices_that_it_was_replaced(scenario: Scenario) -> None:
    """A relay that slept past its lease asks again before it touches anything."""
    broker = Broker()
    first, second = relay_of(scenario, broker), relay_of(scenario, Broker(), "relay-2")
    asyncio.run(first.publish_pending())
    scenario.clock.advance(timedelta(milliseconds=LEASE_MS))
    asyncio.run(second.publish_pending())
    scenario.post(topup(T, ALICE, 1))

    result = asyncio.run(first.publish_pending())

    assert (Round(is_holder=False), []) == (result, broker.calls)


def test_relay_that_lost_its_lease_asks_every_round(scenario: Scenario) -> None:
    """A relay without the lease takes it as soon as it is free."""
    first, second = relay_of(scenario, Broker()), relay_of(scenario, Broker(), "relay-2")
    asyncio.run(first.publish_pending())
    assert not asyncio.run(second.publish_pending()).is_holder

    asyncio.run(first.stop())

    assert asyncio.run(second.publish_pending()).is_holder


def test_many_rows_are_published_round_by_round(scenario: Scenario) -> None:
    """Whatever waits goes out, oldest first, within a few bounded rounds."""
    ids = [transaction_id(number) for number in range(30)]
    for id_ in ids:
        scenario.post(topup(id_, ALICE, 1))
    broker = Broker()
    relay = relay_of(scenario, broker)

    while waiting(scenario):
        assert asyncio.run(relay.publish_pending()).published > 0

    assert ids == [id_ for call in broker.calls for id_, _ in call]
    assert len(broker.calls) > 1
