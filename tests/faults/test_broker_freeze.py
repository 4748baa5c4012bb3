"""A broker that hangs with all its connections open (T43)."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.held_commit import commit_held
from tests.faults.signs import Signs
from tests.faults.stage import Stage

SHORT_S = 2.0
"""Shorter than the wait for a confirm (5 s), and than what the heartbeat allows: nobody need notice."""

HELD_MS = 1_000
"""How long the commit takes, in which the broker is frozen."""

BACK_S = 30.0


@pytest.mark.fault("T43", "the broker hangs for 2 s", "SIGSTOP and SIGCONT under load")
async def test_a_short_hang_is_sat_out(stage: Stage) -> None:
    """Nothing but time is lost: no connection is given up."""
    async with stage.scene(services=2) as scene:
        every = [Signs(service) for service in scene.services]
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(300)))
        scene.servers.rabbitmq.freeze()
        await asyncio.sleep(SHORT_S)
        scene.servers.rabbitmq.thaw()
        await sending
        await scene.answered()

    assert [] == [line for signs in every for line in signs.lines("rabbitmq_away")]


@pytest.mark.fault("T43", "the broker hangs with an answer in flight", "SIGSTOP before a commit")
async def test_an_answer_whose_confirm_never_came_is_sent_again_with_its_id(stage: Stage) -> None:
    """The publish times out and counts as unknown; its reader sees it twice, with the same bytes and id."""
    async with stage.scene(services=1) as scene:
        signs = Signs(scene.service)
        event = scene.load.transfer()

        async with commit_held(scene, event, HELD_MS):
            scene.servers.rabbitmq.freeze()
        await signs.counted('wallet_answers_total{result="unconfirmed"}')
        await signs.logged("rabbitmq_away", connection="publisher")
        await signs.logged("rabbitmq_away", connection="consumer")
        await signs.not_ready()
        scene.servers.rabbitmq.thaw()
        await scene.service.wait_ready(BACK_S)
        await scene.answered()

    copies = [read for read in scene.history.read if read.transaction_id == event.message["transactionId"]]
    assert 2 == len(copies), "what was in flight when the broker hung has arrived as well"
