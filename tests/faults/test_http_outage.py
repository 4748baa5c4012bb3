"""What users are told while a server is away (T95)."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from tests.e2e.deployment import STATEMENT, WALLET
from tests.faults.balance_poll import balances_polled
from tests.faults.scene import Scene
from tests.faults.stage import Stage

TOLD_S_MAX = 15.0
"""How soon a fault must show (I13), seconds."""


@pytest.mark.fault(
    "T95", "the database is gone, then hangs, under load", "a proxy that resets every connection; one that holds them"
)
async def test_without_the_database_users_are_told_to_come_back(stage: Stage) -> None:
    """Every answer is the right one or a 503 with a time to come back; liveness stays green; it heals by itself."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "20"}) as scene:
        async with balances_polled(scene) as poll:
            for take, give in (
                (scene.to_mongod.refuse, scene.to_mongod.accept),
                (scene.to_mongod.hold, scene.to_mongod.release),
            ):
                sending = asyncio.create_task(scene.client.send(*scene.load.mixed(100)))
                take()
                for service in scene.services:
                    await service.wait_not_ready("mongodb", TOLD_S_MAX)
                await asyncio.gather(*(assert_unavailable(scene, path) for path in (WALLET, STATEMENT)))
                assert httpx2.codes.OK == (await scene.service.http.get("/health")).status_code
                give()
                await sending
                await scene.answered()

        assert set(poll.statuses) == {httpx2.codes.OK, httpx2.codes.SERVICE_UNAVAILABLE}
        assert not poll.unexplained(scene.books["wallets"].find(), scene.books["entries"].find())


@pytest.mark.fault("T95", "only the broker is away", "a proxy that resets every connection to it")
async def test_without_the_broker_balances_are_still_read(stage: Stage) -> None:
    """Readiness is red and names it, and every balance and statement is read as before."""
    async with stage.scene(services=2) as scene:
        async with balances_polled(scene) as poll:
            scene.to_rabbitmq.refuse()
            for service in scene.services:
                assert "away" in await service.wait_not_ready("rabbitmq", TOLD_S_MAX)
            await scene.client.send(*scene.load.mixed(100))
            response = await asked(scene, STATEMENT)
            scene.to_rabbitmq.accept()
            await scene.answered()

        assert httpx2.codes.OK == response.status_code
        assert set(poll.statuses) == {httpx2.codes.OK}


async def asked(scene: Scene, path: str) -> httpx2.Response:
    """Ask the first process as a user."""
    return await scene.service.http.get(path, headers={"authorization": f"Bearer {scene.token(scene.load.users[0])}"})


async def assert_unavailable(scene: Scene, path: str) -> None:
    """Hold the answer to what the contract promises of it."""
    response = await asked(scene, path)
    told = (response.status_code, response.json())
    assert (httpx2.codes.SERVICE_UNAVAILABLE, {"error": "Service Unavailable"}) == told
    assert int(response.headers["retry-after"]) > 0
