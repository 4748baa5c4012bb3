"""With which arguments a missing queue is declared: what a broker with another default would make of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity

from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE, FINALIZED_QUEUE, INPUT_QUEUES, Topology, shared_queue

CONTRACT_QUEUES = {*(queue.name for queue in INPUT_QUEUES), FINALIZED_QUEUE}


class EmptyBroker:
    """Connection and channel of a broker on which nothing is there; keeps with what arguments a queue was declared."""

    def __init__(self) -> None:
        """Have nothing yet."""
        self.declared: dict[str, Mapping[str, object] | None] = {}
        self.is_closed = False

    def channel(self, **_: object) -> EmptyBroker:
        """Give itself."""
        return self

    async def initialize(self, **_: object) -> None:
        """Open."""

    async def get_underlay_channel(self) -> EmptyBroker:
        """Give itself."""
        return self

    async def declare_exchange(self, *_: object, **__: object) -> None:
        """Find every exchange."""

    async def queue_bind(self, *_: object, **__: object) -> None:
        """Bind."""

    async def declare_queue(
        self, name: str, *, passive: bool = False, arguments: Mapping[str, object] | None = None, **_: object
    ) -> None:
        """Find no queue; keep what is declared."""
        if passive:
            raise ChannelNotFoundEntity
        self.declared[name] = arguments

    async def close(self) -> None:
        """Close."""
        self.is_closed = True


@pytest.fixture
async def declared() -> dict[str, Mapping[str, object] | None]:
    """Give the arguments of each queue that an empty broker gets."""
    broker = EmptyBroker()
    await Topology(partitions=(0, 12)).declare(cast("AbstractConnection", broker))
    return broker.declared


async def test_our_own_queues_are_classic_whatever_the_default(
    declared: dict[str, Mapping[str, object] | None],
) -> None:
    """A virtual host whose default is quorum would else drop a waiting event or a letter that was given back often."""
    own = {DEAD_LETTER_QUEUE, *(queue.name for queue in Topology().retry_queues())}

    assert {name: {"x-queue-type": "classic"} for name in own} == {name: declared[name] for name in own}


async def test_a_queue_of_the_contract_has_no_arguments(declared: dict[str, Mapping[str, object] | None]) -> None:
    """Every v1 service asserts it without any."""
    assert dict.fromkeys(CONTRACT_QUEUES) == {name: declared[name] for name in CONTRACT_QUEUES}


async def test_a_queue_of_a_partition_lets_one_process_work(
    declared: dict[str, Mapping[str, object] | None],
) -> None:
    """It is classic as our own queues are, and whoever consumes it besides the first one stands by."""
    partitioned = {name: arguments for name, arguments in declared.items() if shared_queue(name) != name}

    names = ("wallet.update.q.0", "wallet.revert.q.0", "wallet.update.q.12", "wallet.revert.q.12")
    assert partitioned == {name: {"x-queue-type": "classic", "x-single-active-consumer": True} for name in names}


async def test_a_partition_has_no_retry_queues_of_its_own(declared: dict[str, Mapping[str, object] | None]) -> None:
    """What waits comes back by the shared queue, so nobody has to look after the queues of a partition that is gone."""
    assert {queue.name for queue in Topology().retry_queues()} == {name for name in declared if ".retry." in name}


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ("wallet.update.q.3", "wallet.update.q"),
        ("wallet.revert.q.12", "wallet.revert.q"),
        ("wallet.update.q", "wallet.update.q"),
        ("wallet.user.q.3", "wallet.user.q.3"),
        ("wallet.update.q.x", "wallet.update.q.x"),
        ("wallet.retry.wallet.update.q.50", "wallet.retry.wallet.update.q.50"),
    ],
)
def test_a_partition_belongs_to_its_shared_queue(name: str, shared: str) -> None:
    """Only the transactions' queues have partitions, which are numbers; any other queue is its own."""
    assert shared == shared_queue(name)
