"""Partitions on a real broker: whose the bindings are, and how what has waited or was set aside comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aio_pika.abc import AbstractConnection
from pamqp.commands import Basic
from pamqp.common import FieldValue

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.dead_letters import dead_letters
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE, PARTITIONED, TRANSACTION_EXCHANGE, Topology
from tests.neighbour import Neighbour, body_of
from tests.scenario import ALICE, BOB, failed, topup, transaction_id
from tests.wallet_service import WalletService, running, with_wallet
from wallet_core import OutcomeKind

TOPUP = topup(transaction_id(1), ALICE, 5)

UPDATE, REVERT = "wallet.update.q", "wallet.revert.q"


@pytest.fixture
async def connection(rabbitmq_url: str) -> AsyncIterator[AbstractConnection]:
    """Connect as the wallet service does."""
    async with connected(rabbitmq_url, "topology") as connection:
        yield connection


async def deal_to(neighbour: Neighbour, partition: int) -> None:
    """Let all events come to one partition and no more to the shared queues, as an operator would."""
    channel = await neighbour.channel()
    underlay = await channel.get_underlay_channel()
    for queue in PARTITIONED:
        await underlay.queue_bind(queue.partition(partition).name, TRANSACTION_EXCHANGE, queue.subject.value)
        await underlay.queue_unbind(queue.name, TRANSACTION_EXCHANGE, queue.subject.value)
    await channel.close()


async def ready(neighbour: Neighbour, *names: str) -> list[int | None]:
    """Count what is ready in each of these queues."""
    return [await neighbour.ready(name) for name in names]


async def test_on_a_new_broker_events_come_by_the_shared_queues(
    connection: AbstractConnection, neighbour: Neighbour
) -> None:
    """Before an operator has dealt anything to the partitions, no event goes to nobody."""
    await Topology(partitions=(0, 1)).declare(connection)

    await neighbour.send(TOPUP, failed(transaction_id(1)))

    assert [1, 1, 0, 0] == await ready(neighbour, UPDATE, REVERT, f"{UPDATE}.0", f"{REVERT}.1")


async def test_the_operators_bindings_stay(connection: AbstractConnection, neighbour: Neighbour) -> None:
    """A process that starts again does not bind the shared queues that its operator has unbound."""
    topology = Topology(partitions=(0, 1))
    await topology.declare(connection)
    await deal_to(neighbour, 1)

    await topology.declare(connection)
    await neighbour.send(TOPUP, failed(transaction_id(1)))

    assert [0, 0, 1, 1] == await ready(neighbour, UPDATE, REVERT, f"{UPDATE}.1", f"{REVERT}.1")


async def test_a_queue_that_is_missing_binds_the_shared_ones(
    connection: AbstractConnection, neighbour: Neighbour
) -> None:
    """Where something had to be made the operator cannot have finished: rather each event twice than one lost."""
    await Topology(partitions=(0,)).declare(connection)
    await deal_to(neighbour, 0)

    await Topology(partitions=(0, 1)).declare(connection)
    await neighbour.send(TOPUP)

    assert [1, 1] == await ready(neighbour, UPDATE, f"{UPDATE}.0")


async def test_the_operators_queues_are_taken(connection: AbstractConnection, neighbour: Neighbour) -> None:
    """The queue of a partition that an operator has made otherwise is consumed as it is."""
    channel = await neighbour.channel()
    arguments: dict[str, FieldValue] = {"x-queue-type": "quorum", "x-single-active-consumer": True}
    await channel.declare_queue(f"{UPDATE}.0", durable=True, arguments=arguments)

    await Topology(partitions=(0,)).declare(connection)

    await channel.declare_queue(f"{UPDATE}.0", durable=True, arguments=arguments)  # the same arguments, or a 406
    assert 0 == await neighbour.ready(f"{REVERT}.0")


async def test_an_event_of_a_partition_waits_and_comes_back(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """It waits in the retry queues that every process holds, and is applied once its wallet is there."""
    async with running(WalletService(rabbitmq_url, partitions=(0,))) as service:
        await service.wait_consuming()
        await deal_to(neighbour, 0)
        await neighbour.send(TOPUP)
        await service.wait_outcome(transaction_id(1), OutcomeKind.UNKNOWN_WALLET)

        await with_wallet(service, neighbour, ALICE)
        await service.wait_balance(ALICE, 500)

    assert [0, 0, 0] == await ready(neighbour, UPDATE, f"{UPDATE}.0", f"wallet.retry.{UPDATE}.50")


async def test_a_letter_of_a_partition_is_replayed_to_the_shared_queue(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """Whatever has become of the partition, a replay finds somebody who consumes."""
    async with running(WalletService(rabbitmq_url, partitions=(3,))) as service:
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)
        await neighbour.put(f"{UPDATE}.3", body_of(TOPUP.but(version="99.0")))
        await neighbour.wait_ready(DEAD_LETTER_QUEUE, 1)

    async with dead_letters(rabbitmq_url) as letters:
        (letter,) = await letters.list()
        await letters.replay(lambda _: True)

    assert UPDATE == letter.source_queue
    assert [0, 1, 0] == await ready(neighbour, DEAD_LETTER_QUEUE, UPDATE, f"{UPDATE}.3")


async def test_a_letter_of_the_brokers_own_is_replayed_too(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """What the delivery limit of an operator's partition has set aside goes back by the shared queue."""
    async with connected(rabbitmq_url, "topology") as connection:
        await Topology().declare(connection)
    headers: dict[str, FieldValue] = {"x-first-death-queue": f"{UPDATE}.7", "x-first-death-reason": "delivery_limit"}
    await neighbour.put(DEAD_LETTER_QUEUE, body_of(TOPUP), Basic.Properties(delivery_mode=2, headers=headers))

    async with dead_letters(rabbitmq_url) as letters:
        replay = await letters.replay(lambda _: True)

    assert (1, 0, 0) == (replay.replayed, replay.skipped, replay.failed)
    assert 1 == await neighbour.ready(UPDATE)


async def test_both_queues_of_a_partition_are_consumed(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A top-up and its failure come by the partition; the shared queues are consumed beside it."""
    async with running(WalletService(rabbitmq_url, partitions=(0,))) as service:
        await service.wait_consuming()
        await deal_to(neighbour, 0)
        for user_id in (ALICE, BOB):
            await with_wallet(service, neighbour, user_id)
        await neighbour.send(TOPUP)
        await service.wait_balance(ALICE, 500)
        await neighbour.send(failed(transaction_id(1)))
        await service.wait_balance(ALICE, 0)
        await neighbour.put(UPDATE, body_of(topup(transaction_id(2), BOB, 7)))
        await service.wait_balance(BOB, 700)

    assert [OutcomeKind.APPLIED, OutcomeKind.REVERSED] == service.outcomes_of(transaction_id(1))
