"""An event that is committed only when the broker is already gone: what its answer meets is up to the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.scene import Scene
from tests.integration.fail_points import failing, until_blocked
from tests.neighbour import eventually
from tests.scenario import Event


@asynccontextmanager
async def commit_held(scene: Scene, event: Event, held_ms: int) -> AsyncIterator[None]:
    """
    Send an event, and give the time until its commit; at the end wait until the outbox has its answer.

    The block must be done within ``held_ms``, which must be less than the ten seconds that the service waits.
    """
    with failing(scene.servers.mongo, ["commitTransaction"], times=1, blockConnection=True, blockTimeMS=held_ms):
        await scene.client.send(event)
        await until_blocked(scene.servers.mongo, "commitTransaction")
        yield

        async def waits() -> bool:
            return bool(scene.books["outbox"].count_documents({}))

        await eventually(waits, "an answer in the outbox")
