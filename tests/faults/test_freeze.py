"""A process that stands still and wakes: meanwhile another has done its work (T24, T25, T26)."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.scene import Scene
from tests.faults.stage import HEARTBEAT_S, Stage
from tests.fixtures.wallet_process import WalletProcess
from tests.neighbour import eventually
from wallet_core.relay import LEASE_MS

FROZEN_S = 6 * HEARTBEAT_S
"""Longer than the broker waits for a silent client: two heartbeats."""

LEASE_S = LEASE_MS / 1_000


def lease_holder(scene: Scene) -> WalletProcess | None:
    """Find the process that has the relay's lease; None when it is none of these."""
    lease = scene.books["leases"].find_one() or {}
    return next((one for one in scene.services if f":{one.pid}:" in str(lease.get("holder"))), None)


@pytest.mark.fault("T24", "a process stands still beyond its heartbeat", "SIGSTOP for 12 s under load, one of two")
async def test_what_a_frozen_process_held_is_done_by_the_other(stage: Stage) -> None:
    """Its deliveries go to the other process; when it wakes, its late acks and commits harm nobody."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}) as scene:
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(1_000)))
        frozen = scene.chance.choice(scene.services)
        await asyncio.sleep(scene.chance.uniform(0.1, 0.5))  # the moment is what is drawn

        frozen.freeze()
        await asyncio.sleep(FROZEN_S)  # the length of the fault
        frozen.thaw()
        await sending

        await frozen.wait_line("rabbitmq_away")


@pytest.mark.fault(
    "T26", "the relay stands still beyond its lease", "SIGSTOP of the holder until another has the lease"
)
async def test_a_relay_that_wakes_after_its_lease_leaves_the_last_answer_right(stage: Stage) -> None:
    """Another process takes the lease over; what the first publishes again when it wakes is what the books say."""
    async with stage.scene(services=2) as scene:
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(600)))
        holder = lease_holder(scene)
        assert holder is not None
        holder.freeze()

        async def has_moved() -> bool:
            return lease_holder(scene) not in (None, holder)

        await eventually(has_moved, "another process has the lease", timeout_s=3 * LEASE_S)
        await scene.client.send(*scene.load.mixed(100))
        holder.thaw()
        await sending


@pytest.mark.fault("T25", "three processes at once", "three processes on the same queues and wallets, prefetch 50")
async def test_three_processes_share_the_work_and_one_relay_speaks(stage: Stage) -> None:
    """Every process handles some of it, nothing is done twice, and one of them has the lease."""
    settings = {"WALLET_BATCH_MAX": "20", "WALLET_PREFETCH": "50"}
    async with stage.scene(services=3, settings=settings) as scene:
        await scene.client.send(*scene.load.mixed(1_500))
        await scene.answered()

        assert lease_holder(scene) is not None
        assert all(service.lines("event_handled") for service in scene.services)
