"""The topology beside what others have declared: taken as it is, and only what is missing is made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelPreconditionFailed

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.desk import Desk, TopologyUnsettled
from adapters.rabbitmq.topology import (
    AUTH_EXCHANGE,
    DEAD_LETTER_QUEUE,
    FINALIZED_QUEUE,
    INPUT_QUEUES,
    TRANSACTION_EXCHANGE,
    ExchangeType,
    Topology,
    retry_queue,
)
from tests.neighbour import Neighbour
from tests.scenario import ALICE, failed, signup, topup, transaction_id
from wallet_core.messages import FINALIZED_KEY

EXCHANGES = (AUTH_EXCHANGE, TRANSACTION_EXCHANGE)
CONTRACT_QUEUES = (*(queue.name for queue in INPUT_QUEUES), FINALIZED_QUEUE)
DELAYS_MS = (50, 100)

PATIENCE_S = 15.0
"""Longer than anything that a cancelled declaration may still wait for, seconds."""


@pytest.fixture
async def connection(rabbitmq_url: str) -> AsyncIterator[AbstractConnection]:
    """Connect as the wallet service does."""
    async with connected(rabbitmq_url, "topology") as connection:
        yield connection


async def start_as_v1(neighbour: Neighbour, exchange_type: ExchangeType = "direct") -> None:
    """Assert what every v1 service asserts at its start. Raises when the broker answers 406, as they die of it."""
    channel = await neighbour.channel()
    for exchange in EXCHANGES:
        await channel.declare_exchange(exchange, exchange_type, durable=True)
    for queue in CONTRACT_QUEUES:
        await channel.declare_queue(queue, durable=True, arguments=None)
    await channel.close()


async def assert_everything_flows(neighbour: Neighbour) -> None:
    """Send one event of each kind, and an answer, and find each in its queue."""
    await neighbour.send(signup(ALICE), topup(transaction_id(1), ALICE, 1), failed(transaction_id(1)))
    channel = await neighbour.channel()
    underlay = await channel.get_underlay_channel()
    await underlay.basic_publish(
        b"answer", exchange=TRANSACTION_EXCHANGE, routing_key=FINALIZED_KEY, mandatory=True, timeout=10
    )
    for queue in CONTRACT_QUEUES:
        assert 1 == await neighbour.ready(queue), queue


async def test_an_empty_broker_gets_everything(connection: AbstractConnection, neighbour: Neighbour) -> None:
    """On an empty broker all is declared, as the v1 services will assert it when they start after us."""
    await Topology().declare(connection)

    await start_as_v1(neighbour)
    await assert_everything_flows(neighbour)
    assert 0 == await neighbour.ready(DEAD_LETTER_QUEUE)


@pytest.mark.parametrize("others", ["direct", "topic"])
@pytest.mark.parametrize("ours", ["direct", "topic"])
async def test_what_others_have_declared_is_taken(
    connection: AbstractConnection, neighbour: Neighbour, others: ExchangeType, ours: ExchangeType
) -> None:
    """Exchanges of either type are used as they are, whatever type we would have made; nothing is changed by us."""
    await start_as_v1(neighbour, others)

    await Topology(ours).declare(connection)

    await start_as_v1(neighbour, others)
    await assert_everything_flows(neighbour)


async def test_a_missing_exchange_gets_the_type_asked_for(connection: AbstractConnection, neighbour: Neighbour) -> None:
    """A deployment that follows the documents gets topic exchanges."""
    await Topology("topic").declare(connection)

    await start_as_v1(neighbour, "topic")


async def test_queues_with_arguments_are_taken(connection: AbstractConnection, neighbour: Neighbour) -> None:
    """An operator's quorum queue in place of a contract's queue, or of our own, is used as it is."""
    channel = await neighbour.channel()
    for name in ("wallet.update.q", DEAD_LETTER_QUEUE, retry_queue("wallet.update.q", 50)):
        await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})

    await Topology(retry_delays_ms=DELAYS_MS).declare(connection)

    await assert_everything_flows(neighbour)


async def test_declaring_twice_changes_nothing(connection: AbstractConnection, neighbour: Neighbour) -> None:
    """Each start declares again; one copy of each event still arrives."""
    await Topology().declare(connection)
    await Topology().declare(connection)

    await assert_everything_flows(neighbour)


async def test_many_starts_at_once(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """Services that start together on an empty broker, with different ideas of it, all end up with one topology."""

    async def start(exchange_type: ExchangeType) -> None:
        async with connected(rabbitmq_url, "starting") as connection:
            await Topology(exchange_type, DELAYS_MS).declare(connection)

    await asyncio.gather(*(start("direct") for _ in range(4)), *(start("topic") for _ in range(4)))

    await assert_everything_flows(neighbour)


async def test_who_loses_a_race_takes_what_is_there(connection: AbstractConnection, neighbour: Neighbour) -> None:
    """An exchange that a neighbour declares as another type between our look and our declaration is taken."""
    looks: list[str] = []

    async def look(channel: AbstractChannel) -> None:
        looks.append("looked")
        await channel.declare_exchange("raced", passive=True)

    async def make(channel: AbstractChannel) -> None:
        theirs = await neighbour.channel()
        await theirs.declare_exchange("raced", "topic", durable=True)
        await channel.declare_exchange("raced", "direct", durable=True)

    await Desk(connection).ensure("exchange raced", look, make)

    assert 2 == len(looks)


async def test_a_race_that_never_ends_is_given_up(connection: AbstractConnection, neighbour: Neighbour) -> None:
    """When somebody keeps deleting what we need, we say so and let the back-off decide when to try again."""

    async def look(channel: AbstractChannel) -> None:
        await channel.declare_exchange("raced", passive=True)

    async def make(channel: AbstractChannel) -> None:
        theirs = await neighbour.channel()
        await theirs.declare_exchange("raced", "topic", durable=True)
        try:
            await channel.declare_exchange("raced", "direct", durable=True)
        finally:
            await theirs.exchange_delete("raced")

    with pytest.raises(TopologyUnsettled, match="exchange raced was missing"):
        await Desk(connection).ensure("exchange raced", look, make)


async def test_our_queues_have_a_type_and_nothing_else(connection: AbstractConnection, neighbour: Neighbour) -> None:
    """The broker moves nothing out of our queues by itself: no time to live, no dead-letter exchange, no limit."""
    topology = Topology(retry_delays_ms=DELAYS_MS)

    await topology.declare(connection)

    channel = await neighbour.channel()
    for name in (DEAD_LETTER_QUEUE, *(queue.name for queue in topology.retry_queues())):
        await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "classic"})
        with pytest.raises(ChannelPreconditionFailed):
            await (await neighbour.channel()).declare_queue(name, durable=True, arguments={"x-message-ttl": 50})


def test_there_is_a_retry_queue_for_each_source_and_delay() -> None:
    """Each input queue has one retry queue for each delay, however often the delay is named."""
    topology = Topology(retry_delays_ms=(50, 100, 50))

    assert [f"wallet.retry.{queue.name}.{delay_ms}" for queue in INPUT_QUEUES for delay_ms in DELAYS_MS] == [
        queue.name for queue in topology.retry_queues()
    ]


async def test_a_cancelled_declaration_never_goes_on(rabbitmq_url: str) -> None:
    """Whenever the cancellation comes, in the very moment of an answer too, the declaration ends by it."""
    topology = Topology(retry_delays_ms=DELAYS_MS)

    ends = [
        await _cancelled_after(delay_ms / 1_000, rabbitmq_url, topology) for delay_ms in range(1, 8) for _ in range(10)
    ]

    assert {"cancelled"} == set(ends) - {"over before"}
    assert "cancelled" in ends


async def _cancelled_after(delay_s: float, url: str, topology: Topology) -> str:
    """Say how a declaration ends that is cancelled after some time."""
    async with connected(url, "cancelled") as connection:
        declaring = asyncio.ensure_future(topology.declare(connection))
        await asyncio.wait({declaring}, timeout=delay_s)
        if not declaring.cancel():
            return "over before"
        await asyncio.wait({declaring}, timeout=PATIENCE_S)
        if not declaring.done():
            return "goes on"
        return "cancelled" if declaring.cancelled() else f"not cancelled: {declaring.exception()}"
