"""The suite of the port EventBus over every adapter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from adapters.rabbitmq.publisher import AnswerPublisher, PublishingConnection
from adapters.rabbitmq.topology import FINALIZED_QUEUE, Topology
from tests.neighbour import Neighbour, eventually
from tests.tcp_proxy import tcp_proxy
from wallet_core.memory import ManualClock, MemoryBus
from wallet_core.messages import FINALIZED_KEY
from wallet_core.testing.conformance.event_bus import Bus, EventBusSuite, Received


class TestMemory(EventBusSuite):
    """In memory."""

    @pytest.fixture
    def bus(self) -> Bus:
        """Give a bus that nobody has published to."""
        memory = MemoryBus(ManualClock())

        async def received() -> Sequence[Received]:
            published, memory.published = memory.published, []
            return [Received(message.message_id, message.routing_key, message.body) for message in published]

        async def go_away() -> None:
            memory.is_away = True

        async def come_back() -> None:
            memory.is_away = False

        return Bus(memory, received, go_away, come_back)


class TestRabbitMQ(EventBusSuite):
    """Over a real broker, which goes away behind a proxy."""

    @pytest.fixture
    async def bus(self, rabbitmq_url: str, neighbour: Neighbour) -> AsyncIterator[Bus]:
        """Give a publisher on an empty virtual host."""

        async def received() -> Sequence[Received]:
            # Whatever reaches this queue came through the exchange under its one binding.
            fetched = await neighbour.fetch_all(FINALIZED_QUEUE)
            return [Received(message.properties.message_id or "", FINALIZED_KEY, message.body) for message in fetched]

        async with tcp_proxy(rabbitmq_url) as proxy:
            publishing = PublishingConnection(proxy.url, Topology())

            async def go_away() -> None:
                proxy.refuse()
                await eventually(is_disconnected, "the publisher notices")

            async def is_disconnected() -> bool:
                return not publishing.status.connected

            async def come_back() -> None:
                proxy.accept()
                assert await publishing.wait_connected(15)

            running = asyncio.ensure_future(publishing.run())
            assert await publishing.wait_connected(15)
            publisher = AnswerPublisher(publishing)
            yield Bus(publisher, received, go_away, come_back)
            await publisher.close()
            running.cancel()
            await asyncio.wait([running])
