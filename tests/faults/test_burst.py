"""A burst of events that is far larger than what a process may hold (T17)."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from tests.faults.stage import Stage

EVENTS = 2_500
BATCH_MAX, PREFETCH = 25, 50

MEMORY_MORE_MAX_BYTES = 40 * 1024 * 1024
"""How much memory a process may need more than at rest: its batches and its caches, not the burst."""


@pytest.mark.fault("T17", "a burst of 2,500 events, prefetch 50", "published while the service is cut off")
async def test_a_burst_is_taken_in_small_bites(stage: Stage) -> None:
    """Never is more of a queue in the hands of the process than its prefetch, and its memory stays bounded."""
    settings = {"WALLET_BATCH_MAX": str(BATCH_MAX), "WALLET_PREFETCH": str(PREFETCH)}
    async with stage.scene(settings=settings) as scene:
        process = psutil.Process(scene.service.pid)
        await scene.client.send(*scene.load.mixed(200))
        await scene.answered()
        before_bytes = process.memory_info().rss
        scene.to_rabbitmq.refuse()
        await scene.client.send(*scene.load.transfers(EVENTS))
        scene.to_rabbitmq.accept()

        unacked, most_bytes = [], 0
        while scene.unanswered():
            unacked += [queue.unacked for name, queue in (await scene.queues()).items() if name.startswith("wallet.")]
            most_bytes = max(most_bytes, process.memory_info().rss)
            await asyncio.sleep(0.1)

    assert 0 < max(unacked) <= PREFETCH
    assert most_bytes - before_bytes < MEMORY_MORE_MAX_BYTES
