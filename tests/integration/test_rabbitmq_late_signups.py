"""Whether a signup may still come, where a broker differs from the suite of the port: prefetch, youth, outages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.rabbitmq.arrivals import InputSession
from adapters.rabbitmq.late_signups import YOUNG_S
from tests.late_signups import Life, input_session
from tests.neighbour import Neighbour
from tests.scenario import ALICE, signup

PREFETCH = 2


@pytest.fixture
async def session(rabbitmq_url: str) -> AsyncIterator[InputSession]:
    """Consume with a small prefetch, and take nothing."""
    async with input_session(rabbitmq_url, PREFETCH) as session:
        yield session


@pytest.fixture
def life(session: InputSession) -> Life:
    """Live long enough to know."""
    return Life(session)


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


async def test_a_broker_that_is_away_cannot_be_asked(life: Life, session: InputSession) -> None:
    """Once the channels are gone, a signup may always come."""
    await session.close()

    assert await life.watch.may_come()
