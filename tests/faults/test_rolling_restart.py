"""A rolling restart of two processes, seen by those who ask for balances through a load balancer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
import pytest

from tests.e2e.deployment import WALLET
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.fixtures.wallet_process import WalletProcess

CLIENTS = 4
LOOK_S = 0.25
"""How often the balancer looks at readiness: four times in the time that a process drains by default."""


@dataclass(slots=True)
class Balancer:
    """Sends each request to a process that was ready when it last looked, on a new connection, and never twice."""

    scene: Scene
    ready: list[WalletProcess] = field(default_factory=list)
    answered: int = 0
    dropped: list[str] = field(default_factory=list)

    async def look_for_ever(self) -> None:
        """Keep track of who is ready."""
        while True:
            self.ready = [service for service in self.scene.services if await _is_ready(service)]
            await asyncio.sleep(LOOK_S)

    async def ask_for_ever(self, user_id: str) -> None:
        """Ask for a balance, again and again; whatever is not a 200 was dropped."""
        headers = {"authorization": f"Bearer {self.scene.token(user_id)}", "connection": "close"}
        while True:
            if not self.ready:
                await asyncio.sleep(LOOK_S)
                continue
            process = self.scene.chance.choice(self.ready)
            try:
                response = await process.http.get(WALLET, headers=headers)
            except httpx2.TransportError as error:
                self.dropped.append(repr(error))
            else:
                self.answered += 1
                if response.status_code != httpx2.codes.OK:
                    self.dropped.append(f"{response.status_code} {response.text}")


async def _is_ready(service: WalletProcess) -> bool:
    with suppress(httpx2.TransportError):
        return (await service.http.get("/health/ready")).status_code == httpx2.codes.OK
    return False


@pytest.mark.quick
@pytest.mark.fault(
    "T22", "rolling restart of two processes", "SIGTERM to one after the other under load; requests through a balancer"
)
async def test_a_rolling_restart_drops_no_request_and_loses_no_event(stage: Stage) -> None:
    """Each process is asked to end and started again; every request gets its 200, every event its answer."""
    async with stage.scene(services=2, settings={"WALLET_DRAIN_MS": "1000"}) as scene:
        balancer = Balancer(scene)
        asking = [asyncio.create_task(balancer.look_for_ever())]
        asking += [asyncio.create_task(balancer.ask_for_ever(user_id)) for user_id in scene.load.users[:CLIENTS]]
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(1_000)))

        exit_codes = []
        for service in scene.services:
            exit_codes.append(await service.terminate())
            service.launch()
            await service.wait_ready()
        await sending
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)

        assert [0, 0] == exit_codes
        assert balancer.answered > CLIENTS
        assert not balancer.dropped
