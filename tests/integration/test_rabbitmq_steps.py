"""The steps of a publish at the broker: an observer hears that a message is sent before it hears of its confirm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import pytest

from adapters.rabbitmq.observer import SilentObserver
from adapters.rabbitmq.publisher import AnswerPublisher, PublishingConnection
from adapters.rabbitmq.steps import BrokerStep
from adapters.rabbitmq.topology import FINALIZED_QUEUE, INPUT_QUEUES, TRANSACTION_EXCHANGE, Topology
from tests.neighbour import Neighbour
from tests.tcp_proxy import TcpProxy, tcp_proxy
from wallet_core.messages import message_id_of
from wallet_core.testing.conformance.event_bus import answer


@dataclass
class Recorder(SilentObserver):
    """Keeps the steps with their ids, and what was declared."""

    steps: list[tuple[BrokerStep, list[str | None]]] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)

    def reached(self, step: BrokerStep, ids: Iterable[str | None] = (), about: str = "") -> None:
        """Keep a step."""
        if step is BrokerStep.TOPOLOGY_DECLARED:
            self.declared.append(about)
        else:
            self.steps.append((step, list(ids)))


@dataclass
class Publishing:
    """A publisher behind a proxy, and who listens to it."""

    proxy: TcpProxy
    answers: AnswerPublisher
    recorder: Recorder


@pytest.fixture
async def publishing(rabbitmq_url: str) -> AsyncIterator[Publishing]:
    """Run a publisher on an empty virtual host."""
    recorder = Recorder()
    async with tcp_proxy(rabbitmq_url) as proxy:
        connection = PublishingConnection(proxy.url, Topology(retry_delays_ms=(50,)), recorder)
        running = asyncio.ensure_future(connection.run())
        assert await connection.wait_connected(15)
        answers = AnswerPublisher(connection, recorder)
        yield Publishing(proxy, answers, recorder)
        await answers.close()
        running.cancel()
        await asyncio.wait([running])


async def test_answers_are_sent_and_then_confirmed(publishing: Publishing) -> None:
    """A publish that ends well is two steps, each with the message ids."""
    answers = [answer(1), answer(2)]

    await publishing.answers.publish_many(answers)

    ids: list[str | None] = [*map(message_id_of, answers)]
    assert [(BrokerStep.ANSWERS_SENT, ids), (BrokerStep.ANSWERS_CONFIRMED, ids)] == publishing.recorder.steps


async def test_answers_that_nobody_confirms_are_only_sent(publishing: Publishing) -> None:
    """While the broker says nothing the second step is not reached, though the message may be there."""
    await publishing.answers.publish_many([answer(1)])
    publishing.recorder.steps.clear()
    publishing.proxy.hold()

    await publishing.answers.publish_many([answer(2)])
    publishing.proxy.release()

    assert [(BrokerStep.ANSWERS_SENT, [message_id_of(answer(2))])] == publishing.recorder.steps


async def test_answers_without_a_queue_are_only_sent(publishing: Publishing, neighbour: Neighbour) -> None:
    """An answer that the broker returns has not reached the step that means that somebody has it."""
    queue = await (await neighbour.channel()).get_queue(FINALIZED_QUEUE)
    await queue.unbind(TRANSACTION_EXCHANGE, "wallet.transactionFinalized")

    await publishing.answers.publish_many([answer(1)])

    assert [(BrokerStep.ANSWERS_SENT, [message_id_of(answer(1))])] == publishing.recorder.steps


async def test_every_declaration_is_told(publishing: Publishing) -> None:
    """Each exchange, queue and binding is a step of its own."""
    declared = publishing.recorder.declared

    assert 2 == sum(what.startswith("exchange ") for what in declared)
    assert len(INPUT_QUEUES) + 1 == sum(what.startswith("binding ") for what in declared)
    assert 2 * len(INPUT_QUEUES) + 2 == sum(what.startswith("queue ") for what in declared)
