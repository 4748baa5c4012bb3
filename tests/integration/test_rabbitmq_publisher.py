"""The publisher over a real broker: an answer counts as published only when a queue has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from pamqp.commands import Basic
from structlog.testing import capture_logs

from adapters.rabbitmq.confirms import ConfirmedChannel, Publication
from adapters.rabbitmq.connection import ConnectionStatus, connected
from adapters.rabbitmq.observer import SilentObserver
from adapters.rabbitmq.publisher import AnswerPublisher, PublishingConnection
from adapters.rabbitmq.topology import FINALIZED_QUEUE, TRANSACTION_EXCHANGE, Topology
from adapters.rabbitmq.wave import Outgoing
from tests.neighbour import Neighbour, eventually
from tests.oracle import V1Reader
from tests.tcp_proxy import TcpProxy, tcp_proxy
from wallet_core import TransactionFinalized, Vocabulary
from wallet_core.messages import FINALIZED_KEY
from wallet_core.testing.conformance.event_bus import answer


@dataclass
class Publishing:
    """A publisher behind a proxy."""

    proxy: TcpProxy
    connection: PublishingConnection
    answers: AnswerPublisher

    async def wait_published(self, answers: Sequence[TransactionFinalized]) -> None:
        """Publish again until everything is taken."""

        async def is_published() -> bool:
            return all(await self.answers.publish_many(answers))

        await eventually(is_published, "everything is published", timeout_s=40)


@pytest.fixture
async def publishing(rabbitmq_url: str) -> AsyncIterator[Publishing]:
    """Run a publisher on an empty virtual host."""
    async with tcp_proxy(rabbitmq_url) as proxy:
        connection = PublishingConnection(proxy.url, Topology())
        running = asyncio.ensure_future(connection.run())
        assert await connection.wait_connected(15)
        answers = AnswerPublisher(connection)
        yield Publishing(proxy, connection, answers)
        await answers.close()
        running.cancel()
        await asyncio.wait([running])


async def test_the_v1_reader_reads_what_is_published(publishing: Publishing, neighbour: Neighbour) -> None:
    """An answer is a persistent JSON message that the strict reader of v1 understands."""
    assert [True] == await publishing.answers.publish_many([answer(1, Vocabulary.V1)])

    message = await neighbour.fetch(FINALIZED_QUEUE)

    assert message is not None
    assert V1Reader().read(message.body).is_completed
    assert (2, "application/json") == (message.properties.delivery_mode, message.properties.content_type)


async def test_an_unroutable_answer_is_unpublished(publishing: Publishing, neighbour: Neighbour) -> None:
    """An answer that reaches no queue is False, though the broker has confirmed it; the binding is then repaired."""
    channel = await neighbour.channel()
    queue = await channel.get_queue(FINALIZED_QUEUE)
    await queue.unbind(TRANSACTION_EXCHANGE, FINALIZED_KEY)

    assert [False, False] == await publishing.answers.publish_many([answer(1), answer(2)])

    await publishing.wait_published([answer(1), answer(2)])
    assert 2 == await neighbour.ready(FINALIZED_QUEUE)


async def test_without_the_exchange_nothing_is_published(publishing: Publishing, neighbour: Neighbour) -> None:
    """An exchange that was deleted costs no answer: all are False, and go out once it was made again."""
    channel = await neighbour.channel()
    await channel.exchange_delete(TRANSACTION_EXCHANGE)

    assert [False, False] == await publishing.answers.publish_many([answer(1), answer(2)])

    await publishing.wait_published([answer(1), answer(2)])
    assert 2 == await neighbour.ready(FINALIZED_QUEUE)


async def test_a_missing_exchange_is_unroutable_and_no_silence(rabbitmq_url: str) -> None:
    """The broker closes the channel, which is an answer for each message; the next ones get a new channel."""
    heard: list[str] = []
    nowhere = Outgoing("nowhere", "key", b"{}", Basic.Properties(delivery_mode=2))

    async with connected(rabbitmq_url, "publisher") as connection:
        channel = ConfirmedChannel(lambda: connection, on_silence=lambda: heard.append("silence"))
        published = [await channel.publish_many([nowhere, nowhere]) for _ in range(2)]
        await channel.close()

    assert [[Publication.UNROUTABLE] * 2] * 2 == published
    assert [] == heard


async def test_a_full_queue_refuses(publishing: Publishing, neighbour: Neighbour) -> None:
    """An answer that the broker refuses is False; the others of the call are not held up by it."""
    channel = await neighbour.channel()
    await channel.queue_delete(FINALIZED_QUEUE)
    queue = await channel.declare_queue(
        FINALIZED_QUEUE, durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    await queue.bind(TRANSACTION_EXCHANGE, FINALIZED_KEY)

    published = await publishing.answers.publish_many([answer(number) for number in range(5)])

    assert 1 == await neighbour.ready(FINALIZED_QUEUE)
    assert True in published
    assert False in published


async def test_that_answers_find_no_queue_is_logged_once(publishing: Publishing, neighbour: Neighbour) -> None:
    """An error is logged when answers begin to be unroutable, and one line when it is over; not one for each answer."""
    channel = await neighbour.channel()
    queue = await channel.get_queue(FINALIZED_QUEUE)
    await queue.unbind(TRANSACTION_EXCHANGE, FINALIZED_KEY)

    with capture_logs() as logs:
        for _ in range(2):
            await publishing.answers.publish_many([answer(number) for number in range(20)])
        await publishing.wait_published([answer(1)])

    events = [log["event"] for log in logs]
    assert (1, 1) == (events.count("answers_unroutable"), events.count("answers_routable_again"))


async def test_a_cut_connection_is_made_again(publishing: Publishing, neighbour: Neighbour) -> None:
    """After a cut the publisher is back by itself; what was in flight is unknown, and published again."""
    waiting = asyncio.ensure_future(publishing.answers.publish_many([answer(number) for number in range(500)]))
    publishing.proxy.cut()
    results = await waiting

    await publishing.wait_published([answer(number) for number in range(500)])

    assert 500 == len(results)
    ids = {message.properties.message_id for message in await neighbour.fetch_all(FINALIZED_QUEUE)}
    assert 500 == len(ids)


async def test_a_silent_broker_is_a_timeout(publishing: Publishing, neighbour: Neighbour) -> None:
    """When confirms do not come in time the answers are unpublished; a new channel is used afterwards."""
    publishing.proxy.hold()
    async with asyncio.timeout(12):
        assert [False, False] == await publishing.answers.publish_many([answer(1), answer(2)])
    publishing.proxy.release()

    await publishing.wait_published([answer(1), answer(2)])

    ids = [message.properties.message_id for message in await neighbour.fetch_all(FINALIZED_QUEUE)]
    assert len(ids) >= 2
    assert 2 == len(set(ids))


async def test_a_publisher_that_never_connected(rabbitmq_url: str) -> None:
    """Before there is a connection every answer is unpublished, at once, and the status says why."""
    connection = PublishingConnection(rabbitmq_url, Topology(), SilentObserver())

    assert [False] == await AnswerPublisher(connection).publish_many([answer(1)])
    assert ConnectionStatus(connected=False, reason="not started") == connection.status
