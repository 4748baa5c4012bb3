"""Answers that find no queue, or are refused: they stay in the outbox until they are taken (T49, T50, T51)."""

from __future__ import annotations

import asyncio

import pytest
from pamqp.commands import Basic

from adapters.rabbitmq.confirms import ConfirmedChannel, Publication
from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import FINALIZED_QUEUE, TRANSACTION_EXCHANGE
from adapters.rabbitmq.wave import Outgoing
from tests.faults.broker_operator import BrokerOperator
from tests.faults.held_commit import commit_held
from tests.faults.outbox import waiting_answers
from tests.faults.scene import Scene, Servers
from tests.faults.signs import Signs
from tests.faults.stage import Stage
from tests.neighbour import eventually

WRITE_ALL_BUT_EVENTS = r"^(?!transaction\.events$).*"
"""A permission: publish nothing to the exchange of the answers."""

REPAIRED_S = 20.0
"""Until a binding is there again and the answers are out, seconds: one repair is made at most every five."""

KEPT_S = 3.0
"""How long it is watched that nothing leaves the outbox, seconds: several tries."""

TRIES_MAX = 12
"""More tries than growing pauses allow in that time."""

EVENTS = 20
PAIRS = 20


@pytest.mark.quick
@pytest.mark.fault("T49", "the binding of the answers is removed", "queue.unbind by an operator, under load")
async def test_a_binding_that_is_gone_is_made_again_and_nothing_is_taken_for_published(stage: Stage) -> None:
    """The broker confirms what it then drops; we do not believe it, say so, repair the binding and publish again."""
    async with stage.scene() as scene:
        signs = Signs(scene.service)
        await BrokerOperator(scene).unbind_answers()
        await scene.client.send(*scene.load.transfers(EVENTS))
        await signs.logged("answers_unroutable")
        await scene.answered(REPAIRED_S)
        await signs.logged("answers_routable_again")


@pytest.mark.fault("T49", "the exchange of the answers is deleted", "exchange.delete by an operator")
async def test_an_exchange_that_is_gone_is_made_again_with_its_bindings(stage: Stage) -> None:
    """Answers that are due go to the exchange that we have declared again, and events come in through it."""
    async with stage.scene() as scene:
        signs = Signs(scene.service)
        async with commit_held(scene, scene.load.transfer(), 3_000):
            await BrokerOperator(scene).delete_exchange(TRANSACTION_EXCHANGE)
        await signs.logged("publications_unconfirmed", outcome="unroutable")
        await scene.answered(REPAIRED_S)
        await scene.client.send(*scene.load.mixed(EVENTS))


@pytest.mark.fault("T49", "no permission to publish answers", "rabbitmqctl set_permissions without the exchange")
async def test_answers_that_may_not_be_published_wait_in_the_outbox(stage: Stage) -> None:
    """Not one counts as published; events are still applied; it shows, and heals when the permission is back."""
    async with stage.scene() as scene:
        signs = Signs(scene.service)
        scene.service.freeze()
        await scene.client.send(*scene.load.transfers(EVENTS))
        async with BrokerOperator(scene).permitting(write=WRITE_ALL_BUT_EVENTS):
            scene.to_rabbitmq.cut()  # the broker remembers what it has permitted, for as long as a connection lives
            scene.service.thaw()
            await assert_kept(scene, signs)
            line = await signs.logged("publications_unconfirmed")
            assert "ACCESS_REFUSED" in str(line["error"])


@pytest.mark.quick
@pytest.mark.fault("T51", "the broker refuses answers (nack)", "policy max-length 0, reject-publish on their queue")
async def test_answers_that_are_refused_wait_in_the_outbox(stage: Stage) -> None:
    """A full queue takes nothing: all stay in the outbox, are tried with growing pauses, and leave when it may be."""
    async with stage.scene() as scene:
        signs = Signs(scene.service)
        async with BrokerOperator(scene).policy(FINALIZED_QUEUE, max_length=0, overflow="reject-publish"):
            await scene.client.send(*scene.load.transfers(EVENTS))
            await signs.logged("publications_unconfirmed", outcome="refused")
            await assert_kept(scene, signs)
            tries = len(signs.lines("publications_unconfirmed"))

    assert tries < TRIES_MAX, f"{tries} tries in a few seconds: without pauses"


@pytest.mark.quick
@pytest.mark.fault("T50", "one id in flight twice, one of them unroutable", "the publisher adapter alone, real broker")
async def test_two_publications_of_one_id_are_never_mixed_up(servers: Servers) -> None:
    """Each says how it ended itself, in one call or in two at a time: they are never in flight together."""
    async with connected(servers.rabbitmq.url(), "publisher") as connection:
        asking = connection.channel()
        await asking.initialize(timeout=10)
        queue = await asking.declare_queue(exclusive=True)
        routable, unroutable = (_outgoing(name) for name in (queue.name, "nowhere"))
        channel = ConfirmedChannel(lambda: connection)

        in_one_call = await channel.publish_many([routable, unroutable] * PAIRS)
        in_many_calls = await asyncio.gather(
            *(channel.publish_many([message]) for message in [unroutable, routable] * PAIRS)
        )
        await channel.close()

    assert [Publication.CONFIRMED, Publication.UNROUTABLE] * PAIRS == in_one_call
    assert [[Publication.UNROUTABLE], [Publication.CONFIRMED]] * PAIRS == in_many_calls


def _outgoing(queue: str) -> Outgoing:
    return Outgoing("", queue, b"{}", Basic.Properties(delivery_mode=2, message_id="one id"))


async def assert_kept(scene: Scene, signs: Signs) -> None:
    """Wait until the outbox has every answer that is due, and see for a while that it keeps them."""

    async def are_waiting() -> bool:
        return bool(scene.unanswered()) and scene.unanswered() <= waiting_answers(scene)

    await eventually(are_waiting, "every answer waits in the outbox", REPAIRED_S)
    await signs.counted("wallet_outbox_lag_seconds")
    await asyncio.sleep(KEPT_S)
    assert await are_waiting(), f"{len(scene.unanswered())} are due, {len(waiting_answers(scene))} wait"
