"""A relay that sleeps past its lease, while another one goes on: the last answer is the one in the books (rule 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta

import pytest

from tests.scenario import ALICE, Scenario, failed, topup, transaction_id
from wallet_core import Relay, Round, StoreUnavailable, TransactionFinalized, post_all
from wallet_core.memory import MemoryStore
from wallet_core.ports import Clock
from wallet_core.relay import LEASE_MS

T = transaction_id(1)


class Store(MemoryStore):
    """The books, and what happens before their answers are read the next time."""

    def __init__(self, clock: Clock) -> None:
        """Start with nothing that will happen."""
        super().__init__(clock)
        self.before_answers: list[Callable[[], None]] = []

    async def answers(
        self, transaction_ids: Collection[str], above_revision: int = 0
    ) -> Mapping[str, TransactionFinalized]:
        """Let the next thing happen, then give the answers."""
        if self.before_answers:
            self.before_answers.pop(0)()
        return await super().answers(transaction_ids, above_revision)


class Bus:
    """An EventBus, and what happens on the way to it the next time."""

    def __init__(self) -> None:
        """Start with nothing published."""
        self.published: list[tuple[str, int]] = []
        self.takes = True
        self.on_the_way: list[Callable[[], Awaitable[None]]] = []

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """Let the next thing happen, then publish."""
        if self.on_the_way:
            await self.on_the_way.pop(0)()
        if self.takes:
            self.published += [(answer.transaction_id, answer.revision) for answer in answers]
        return [self.takes] * len(answers)


async def pass_by() -> None:
    """Let a publication go out as it is."""


class Relays:
    """Two relays of one outbox, in which the answer about one top-up waits."""

    def __init__(self) -> None:
        """Post the top-up; nobody has the lease."""
        self.scenario = Scenario(store_of=Store)
        assert isinstance(self.scenario.store, Store)
        self.store, self.bus = self.scenario.store, Bus()
        self.scenario.open(ALICE)
        self.scenario.post(topup(T, ALICE, 1))
        self.first, self.second = (
            Relay(self.store, self.bus, holder, self.scenario.clock.monotonic_s) for holder in ("relay-1", "relay-2")
        )

    def sleep(self) -> None:
        """Let the lease of whoever has it run out."""
        self.scenario.clock.advance(timedelta(milliseconds=LEASE_MS))

    async def overtake(self) -> None:
        """Sleep on the way to the broker; meanwhile the top-up fails, and the second relay publishes that."""
        self.sleep()
        await post_all(self.scenario.requests([failed(T)]), self.store, self.scenario.clock, self.scenario.policy)
        await self.second.publish_pending()
        assert [] == await self.store.pending(1)

    def waiting(self) -> list[tuple[str, ...]]:
        """Give the rows of the outbox."""
        return [row.transaction_ids for row in asyncio.run(self.store.pending(9))]


@pytest.fixture
def relays() -> Relays:
    """An answer waits."""
    return Relays()


def test_asleep_while_it_read_it_publishes_nothing(relays: Relays) -> None:
    """What was read before a long sleep may be old: it stays in the outbox for whoever has the lease now."""
    relays.store.before_answers = [relays.sleep]

    result = asyncio.run(relays.first.publish_pending())

    assert (Round(is_holder=False), []) == (result, relays.bus.published)
    assert [(T,)] == relays.waiting()


def test_asleep_on_the_way_to_the_broker_it_publishes_the_newer_answer_behind(relays: Relays) -> None:
    """It finds that the books have moved on, and makes good itself what came late."""
    relays.bus.on_the_way = [relays.overtake]

    asyncio.run(relays.first.publish_pending())

    assert [(T, 2), (T, 1), (T, 2)] == relays.bus.published
    assert [] == relays.waiting()


def test_a_newer_answer_that_is_not_taken_goes_to_the_other(relays: Relays) -> None:
    """When the broker does not take what should make it good, the transaction is put back, whoever has the lease."""

    async def refuse() -> None:
        relays.bus.takes = False

    relays.bus.on_the_way = [relays.overtake, pass_by, refuse]
    asyncio.run(relays.first.publish_pending())
    relays.bus.takes = True

    asyncio.run(relays.first.publish_pending())
    asyncio.run(relays.second.publish_pending())

    assert [(T, 2), (T, 1), (T, 2)] == relays.bus.published
    assert [] == relays.waiting()


@pytest.mark.parametrize("stops", [False, True])
def test_a_late_publication_that_was_not_compared_is_made_good(relays: Relays, stops: bool) -> None:  # noqa: FBT001
    """When the books cannot be read after it, its row comes back, though the other relay has removed it."""

    def away() -> None:
        raise StoreUnavailable("away")

    async def overtake() -> None:
        await relays.overtake()
        relays.store.before_answers = [away]

    relays.bus.on_the_way = [overtake]
    with pytest.raises(StoreUnavailable):
        asyncio.run(relays.first.publish_pending())

    asyncio.run(relays.first.stop() if stops else relays.first.publish_pending())
    asyncio.run(relays.second.publish_pending())

    assert [(T, 2), (T, 1), (T, 2)] == relays.bus.published
    assert [] == relays.waiting()
