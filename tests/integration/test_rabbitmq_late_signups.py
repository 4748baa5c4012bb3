"""Whether a signup may still come: asked of a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.rabbitmq.arrivals import InputSession
from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.late_signups import YOUNG_S, LateSignupWatch
from adapters.rabbitmq.topology import Topology
from tests.neighbour import Neighbour
from tests.scenario import ALICE, signup, topup, transaction_id

PREFETCH = 2


class Life:
    """A watch, and the clock of its life."""

    def __init__(self) -> None:
        """Be born now."""
        self.now_s = 0.0
        self.watch = LateSignupWatch(lambda: self.now_s)


@pytest.fixture
async def session(rabbitmq_url: str) -> AsyncIterator[InputSession]:
    """Consume with a small prefetch, and take nothing."""
    async with connected(rabbitmq_url, "session") as connection:
        await Topology().declare(connection)
        session = InputSession()
        await session.open(connection, PREFETCH)
        yield session
        await session.close()


@pytest.fixture
def life(session: InputSession) -> Life:
    """Live long enough to know."""
    life = Life()
    life.watch.watch(session)
    life.now_s = YOUNG_S
    return life


async def test_nobody_waits(life: Life) -> None:
    """With an empty queue, and nothing here, no signup may come any more."""
    assert not await life.watch.may_come()


async def test_a_young_life_cannot_know(life: Life) -> None:
    """In the first minute of our life a signup may always come."""
    life.now_s = YOUNG_S - 0.1

    assert await life.watch.may_come()


async def test_without_a_session_nobody_knows(life: Life) -> None:
    """While we do not consume, a signup may always come."""
    life.watch.watch(None)

    assert await life.watch.may_come()


async def test_signups_in_the_queue_may_come(life: Life, session: InputSession, neighbour: Neighbour) -> None:
    """Signups that wait behind the prefetch may come; so may those that have arrived; those that were taken may not."""
    await neighbour.send(*(signup(ALICE) for _ in range(PREFETCH + 1)))
    assert await life.watch.may_come()

    taken = [arrival for _ in range(2) for arrival in await session.take(1)]
    await taken[0].queue.ack([arrival.tag for arrival in taken])
    await neighbour.wait_ready("wallet.user.q", 0)
    assert await life.watch.may_come()

    await session.take(1)
    assert not await life.watch.may_come()


async def test_other_events_do_not_count(life: Life, neighbour: Neighbour) -> None:
    """Transactions in their queue say nothing about signups."""
    await neighbour.send(*(topup(transaction_id(number), ALICE, 1) for number in range(PREFETCH + 1)))

    assert not await life.watch.may_come()


async def test_a_broker_that_is_away_cannot_be_asked(life: Life, session: InputSession) -> None:
    """Once the channels are gone, a signup may always come."""
    await session.close()

    assert await life.watch.may_come()


async def test_a_signup_on_its_way_is_seen(life: Life, session: InputSession, neighbour: Neighbour) -> None:
    """However soon after its publication we ask, a signup is either in the queue or here: it is never overlooked."""
    for _ in range(100):
        await neighbour.send(signup(ALICE))

        assert await life.watch.may_come()
        (arrival,) = await session.take(1)
        await arrival.queue.ack([arrival.tag])
