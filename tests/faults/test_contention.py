"""Many events about the same wallets at the same time (T74, T75): nobody starves, nothing dead-locks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.faults.metric import metric_of_all
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.scenario import Event

TRANSFERS = 200

LATENCY_S_MAX = 15.0
"""Longest from the confirm of an event to its answer, seconds, on a machine with other work. A livelock has no end."""

SMALL_BATCHES = {"WALLET_BATCH_MAX": "5", "WALLET_PREFETCH": "20"}
"""So that the two processes meet as often as they can."""


@pytest.mark.fault("T74", "200 transfers at once on one wallet", "two processes with small batches, every event twice")
async def test_a_hot_wallet_serves_everybody(stage: Stage) -> None:
    """Every transfer of the wallet is applied once, within a bounded time; its past has no gap."""
    async with stage.scene(services=2, settings=SMALL_BATCHES) as scene:
        hot, *others = scene.load.users
        events = [scene.load.transfer(hot, scene.chance.choice(others)) for _ in range(TRANSFERS // 2)]
        events += [scene.load.transfer(scene.chance.choice(others), hot) for _ in range(TRANSFERS // 2)]

        await scene.client.send(*[event for event in events for _ in range(2)])
        await scene.answered()

        assert latency_s(scene, events) < LATENCY_S_MAX
        assert await metric_of_all(scene, "wallet_conflicts_total"), "the processes have not met"


@pytest.mark.fault("T75", "100 transfers from A to B and 100 from B to A", "two processes with small batches")
async def test_opposite_transfers_do_not_lock_each_other(stage: Stage) -> None:
    """A writes to B while B writes to A: one of them waits and runs again, and all end."""
    async with stage.scene(services=2, settings=SMALL_BATCHES) as scene:
        ada, ben = scene.load.users[:2]
        events = [
            event
            for _ in range(TRANSFERS // 2)
            for event in (scene.load.transfer(ada, ben), scene.load.transfer(ben, ada))
        ]

        await scene.client.send(*events)
        await scene.answered()

        assert latency_s(scene, events) < LATENCY_S_MAX


def latency_s(scene: Scene, events: Sequence[Event]) -> float:
    """Give the longest time from the first confirm of one of these events to its first answer."""
    ids = [str(event.message["transactionId"]) for event in events]
    sent = {id_: min(one.at_s for one in scene.history.sent if id_ in one.body) for id_ in ids}
    first: dict[str, float] = {}
    for read in scene.history.read:
        first.setdefault(read.transaction_id, read.at_s)
    return max(first[id_] - sent[id_] for id_ in ids)
