"""Lines to the broker that go dead, crawl, or break again and again (T45, T46, T47)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from tests.faults.broker_view import connection_facts, wait_consumers
from tests.faults.signs import Signs
from tests.faults.stage import HEARTBEAT_S, Stage
from tests.neighbour import eventually
from tests.tcp_proxy import Direction, Pace

NOTICED_S = 3.5 * HEARTBEAT_S + 3.0
"""Until a dead line is noticed: the client library waits for three heartbeats and a half; the rest is the machine."""

BACK_S = 30.0

SLOW = (
    Pace(latency_s=0.2),
    Pace(bytes_per_s=10_000, piece_bytes=500),
    Pace(piece_bytes=1),
)
"""Lines that are slow in three ways: each answer takes long, little fits through, no frame arrives whole."""

PUBLISHING_CHANNELS = 3
"""Channels of one process that do not consume, opened when first needed: answers, parks, and the way back from them."""

STORM_CUTS = 30
STORM_INTERVAL_S = 0.3

BATCH = {"WALLET_BATCH_MAX": "20", "WALLET_PREFETCH": "40"}
"""Small batches: what is on its way at a time must fit through a slow line within the wait for an answer (5 s)."""

HOLES = (Direction.TO_SERVER, Direction.TO_CLIENT), (Direction.TO_SERVER,), (Direction.TO_CLIENT,)


@pytest.mark.fault("T45", "a black hole before the broker", "proxy forwards nothing: both ways, and each way alone")
async def test_a_dead_line_is_noticed_within_the_heartbeat(stage: Stage) -> None:
    """Without any reset readiness is soon red and the log says so; when the line is back, everything goes on alone."""
    await asyncio.gather(*(vanish(stage, hole) for hole in HOLES))


async def vanish(stage: Stage, hole: tuple[Direction, ...]) -> None:
    """Let a line be dead in these directions for a while."""
    async with stage.scene() as scene:
        signs = Signs(scene.service)
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(200)))
        began_at_s = time.monotonic()
        scene.to_rabbitmq.hold(*hole)
        await signs.not_ready()
        noticed_s = time.monotonic() - began_at_s
        await signs.logged("rabbitmq_away")
        scene.to_rabbitmq.release()
        await scene.service.wait_ready(BACK_S)
        await sending

    assert noticed_s < NOTICED_S, f"a hole {hole} was noticed after {noticed_s} s"


@pytest.mark.fault("T46", "a slow line to the broker", "proxy: 200 ms latency; 10 kB/s; byte by byte")
async def test_a_slow_line_is_slow_and_nothing_else(stage: Stage) -> None:
    """No time-out storm: not one connection is given up, and everything is answered."""
    await asyncio.gather(*(crawl(stage, pace) for pace in SLOW))


async def crawl(stage: Stage, pace: Pace) -> None:
    """Play a load over a line of this pace."""
    async with stage.scene(settings=BATCH) as scene:
        signs = Signs(scene.service)
        scene.to_rabbitmq.pace = pace
        await scene.client.send(*scene.load.mixed(100))
        await scene.answered()
        scene.to_rabbitmq.pace = Pace()

    assert [] == signs.lines("rabbitmq_away"), pace


@pytest.mark.fault("T47", "reconnect storm", "connections reset every 300 ms, 30 times, under load")
async def test_after_a_storm_of_reconnects_all_is_as_before(stage: Stage) -> None:
    """Afterwards each queue has one consumer of each process, with its prefetch, and no channel or connection more."""
    async with stage.scene(services=2, settings=BATCH) as scene:
        before = await connection_facts(scene)
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(1_000)))
        for _ in range(STORM_CUTS):
            scene.to_rabbitmq.cut()
            await asyncio.sleep(STORM_INTERVAL_S)
        await sending
        await scene.answered()
        for service in scene.services:
            await service.wait_ready(BACK_S)

        found = await wait_consumers(scene, 2, BACK_S)
        assert {int(BATCH["WALLET_PREFETCH"])} == {consumer.prefetch for consumer in found}

        async def is_as_before() -> bool:
            now = await connection_facts(scene)
            has_publishing_ones_only = now.other_channels <= PUBLISHING_CHANNELS * len(scene.services)
            return has_publishing_ones_only and replace(now, other_channels=before.other_channels) == before

        await eventually(is_as_before, f"{before}", BACK_S)
