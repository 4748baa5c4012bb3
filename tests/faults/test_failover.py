"""The primary of a replica set fails under load, in every way it can, while two processes share the work (T68, T69).

The processes are started once and never helped. Whatever happens to the primary: no answer that was read is rolled back
(I4), no balance told over HTTP was true at no moment, every transfer is answered and every balance exact (the checker),
and the hash chains hold (``wallet audit``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx2
import pytest
from pymongo import MongoClient

from tests.e2e.console import run_wallet
from tests.faults.balance_poll import balances_polled
from tests.faults.replica_set import ReplicaSet
from tests.faults.scene import Document, Scene, Servers
from tests.faults.stage import Stage
from tests.fixtures.driver import over_both_drivers
from tests.neighbour import eventually

RECOVERY_S = 30.0
"""How long everything may take to come to rest once the set is whole again (I9)."""

FREEZE_S = 9.0
"""How long a primary hangs: longer than the driver takes to give a server up (7 s), and than an election (2 s)."""

LOAD_EVENTS = 300
TRICKLE_EVENTS = 20
TRICKLE_PAUSE_S = 0.25
"""Events that wait when the fault comes; then so many more, again and again, until it is over."""

GOES_ON_TRANSFERS = 50
"""Transfers that must be answered while the fault lasts."""

TRANSACTION_LIFETIME_S = 15
"""How long a member keeps a transaction that nobody ends (default 60), as docs/operations.md advises."""


@dataclass(frozen=True, slots=True)
class ReplicatedServers(Servers):
    """The servers of this test run, with a replica set in the place of the one mongod (which is its first member)."""

    replica_set: ReplicaSet

    def heal(self) -> None:
        """Make the set whole, whatever a scenario has done to it; the broker is left alone here."""
        self.replica_set.heal()


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    """Start a set that the tests of this module may break; each leaves it whole."""
    lifetime = ("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_LIFETIME_S}")
    with ReplicaSet(tmp_path_factory.mktemp("replica-set"), extra_args=lifetime) as started:
        yield started


@pytest.fixture
def replicated(stage: Stage, replica_set: ReplicaSet) -> Iterator[Stage]:
    """Give a stage whose books are on the set."""
    with MongoClient[Document](replica_set.url(), tz_aware=True, appname="test", readConcernLevel="majority") as mongo:
        servers = ReplicatedServers(replica_set.members[0], stage.servers.rabbitmq, mongo, replica_set)
        yield replace(stage, servers=servers)


@asynccontextmanager
async def under_load(stage: Stage, replica_set: ReplicaSet) -> AsyncIterator[Scene]:
    """
    Run two processes under load, and let the block break the set while events keep coming and balances are read.

    At its end the set is healed, everything must come to rest, and what was told must be explained.
    """
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "50"}, started=False) as scene:
        scene.settings["DATABASE_URL"] = replica_set.url(scene.books.name)
        for service in scene.services:
            service.launch(DATABASE_URL=scene.settings["DATABASE_URL"])
            await service.wait_ready()
        await scene.open()
        await scene.client.send(*scene.load.mixed(LOAD_EVENTS))
        async with balances_polled(scene) as poll, events_trickling(scene):
            yield scene
            await asyncio.to_thread(replica_set.heal)
            scene.history.note("the set is whole")
        await scene.rest(RECOVERY_S)
        assert poll.unexplained(scene.books["wallets"].find(), scene.books["entries"].find()) == set()
        assert poll.statuses.keys() <= {httpx2.codes.OK, httpx2.codes.SERVICE_UNAVAILABLE}
        audit = await run_wallet(scene.folder, "audit", **scene.settings)
        assert 0 == audit.returncode, f"{audit.stdout}\n{audit.stderr}"


async def goes_on(scene: Scene) -> None:
    """Wait until events that are sent now, after the fault, have been answered while it still lasts."""
    events = scene.load.transfers(GOES_ON_TRANSFERS)
    ids = {str(event.message["transactionId"]) for event in events}
    await scene.client.send(*events)

    async def are_answered() -> bool:
        return ids <= {read.transaction_id for read in scene.history.read}

    await eventually(are_answered, "what is left of the set answers new events", RECOVERY_S)


@over_both_drivers
@pytest.mark.fault("T68", "primary of three killed under load", "SIGKILL to the primary; restarted when replaced")
async def test_a_killed_primary_loses_nothing(replicated: Stage, replica_set: ReplicaSet) -> None:
    """The next primary has all that was answered, and the killed one follows it when it is back."""
    async with under_load(replicated, replica_set) as scene:
        killed = await asyncio.to_thread(replica_set.kill_primary)
        await goes_on(scene)
        assert not killed.is_running


@pytest.mark.fault("T68", "primary of three frozen under load", f"SIGSTOP to the primary for {FREEZE_S:.0f} s, SIGCONT")
async def test_a_frozen_primary_loses_nothing(replicated: Stage, replica_set: ReplicaSet) -> None:
    """What it had begun is finished on its successor; when it wakes up it does not go on where it was."""
    async with under_load(replicated, replica_set) as scene:
        frozen = await asyncio.to_thread(replica_set.freeze_primary)
        await asyncio.sleep(FREEZE_S)  # the length of the fault is what is tested
        await goes_on(scene)
        frozen.thaw()


@pytest.mark.fault("T68", "primary of three steps down twice under load", "replSetStepDown, and again at its successor")
async def test_a_primary_that_steps_down_twice_loses_nothing(replicated: Stage, replica_set: ReplicaSet) -> None:
    """Transactions that the step-down has ended run again on the next primary, and on the one after it."""
    async with under_load(replicated, replica_set) as scene:
        await asyncio.to_thread(replica_set.step_down)
        await goes_on(scene)
        await asyncio.to_thread(replica_set.step_down)
        await goes_on(scene)


@pytest.mark.fault("T69", "primary parted from both secondaries under load", "proxies hold all between the members")
async def test_a_partitioned_primary_loses_nothing(replicated: Stage, replica_set: ReplicaSet) -> None:
    """Clients reach all three all the time; what the old primary took alone is rolled back, and was never answered."""
    async with under_load(replicated, replica_set) as scene:
        parted = await asyncio.to_thread(replica_set.partition_primary)
        await goes_on(scene)
        assert parted is not await asyncio.to_thread(replica_set.primary)


@asynccontextmanager
async def events_trickling(scene: Scene) -> AsyncIterator[None]:
    """Send a few events, again and again, until the end of the block; what is being sent then is sent."""
    is_over = asyncio.Event()

    async def trickle() -> None:
        while not is_over.is_set():
            await scene.client.send(*scene.load.mixed(TRICKLE_EVENTS))
            await asyncio.sleep(TRICKLE_PAUSE_S)

    trickling = asyncio.create_task(trickle())
    try:
        yield
    finally:
        is_over.set()
        await trickling
