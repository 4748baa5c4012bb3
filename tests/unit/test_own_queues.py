"""With which arguments a missing queue is declared: what a broker with another default would make of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity

from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE, FINALIZED_QUEUE, INPUT_QUEUES, Topology

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
    await Topology().declare(cast("AbstractConnection", broker))
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
