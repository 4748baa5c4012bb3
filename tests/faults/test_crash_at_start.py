"""kill -9 of our own process while it starts on an empty database and an empty broker (T30)."""

from __future__ import annotations

import pytest

from adapters.mongo.indexes import INDEXES
from adapters.mongo.schemas import VALIDATORS
from tests.faults.crash import dying
from tests.faults.scene import Scene, Servers
from tests.faults.stage import Stage
from tests.faults.structure import Structure, structure

DECLARATIONS = 40
"""Exchanges, queues and bindings of a scene, each declared by two connections: 2 + 3 * 2 + 2 + 1 + 3 * 3, twice."""

POINTS = (
    *(("collection_made", number) for number in range(1, len(VALIDATORS) + 1)),
    *(("index_made", number) for number in range(1, len(INDEXES) + 1)),
    *(("topology_declared", number) for number in range(1, DECLARATIONS + 1, 5)),
)
"""Every collection, every index, and every fifth declaration."""

START_STEPS = frozenset(step for step, _ in POINTS)
"""The steps that are taken at the start, and never again."""


@pytest.fixture(scope="module")
async def whole(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Structure:
    """Give what a start makes that nobody interrupts."""
    held: list[tuple[str, ...]] = []
    stage = Stage(servers, tmp_path_factory.mktemp("whole"), held.append)
    async with stage.scene(started=False, users=2, late=0) as scene:
        empty_broker(scene)
        await scene.start()
        return await structure(scene)


@pytest.mark.fault(
    "T30", "kill -9 of the service while it starts", f"WALLET_CRASH_AT, {len(POINTS)} points on empty servers"
)
@pytest.mark.parametrize(("step", "times"), POINTS)
async def test_start_ends_what_a_killed_start_has_begun(stage: Stage, whole: Structure, step: str, times: int) -> None:
    """Whatever is half made, the next start makes whole, and nobody has to help; then the service works."""
    async with stage.scene(started=False, users=2, late=0) as scene:
        empty_broker(scene)

        async with dying(scene, step, times):
            pass

        assert whole == await structure(scene)
        await scene.open()
        await scene.client.send(*scene.load.transfers(3))


@pytest.mark.fault("T30", "a second start", "SIGTERM, and the same command again")
async def test_second_start_changes_nothing(stage: Stage) -> None:
    """A service that is started again finds everything as it must be, and leaves it so."""
    async with stage.scene(users=2, late=0) as scene:
        before = await structure(scene)

        assert 0 == await scene.service.terminate()
        await scene.start()

        assert before == await structure(scene)


def empty_broker(scene: Scene) -> None:
    """Take away what the neighbours have declared: here it is the service that starts first."""
    scene.servers.rabbitmq.delete_vhosts(scene.vhost)
    scene.servers.rabbitmq.add_vhosts(scene.vhost)
