"""A number that a process shows to Prometheus."""

from __future__ import annotations

from tests.faults.scene import Scene
from tests.fixtures.wallet_process import WalletProcess


async def metric(service: WalletProcess, name: str) -> float:
    """Give a metric of one process, summed over its labels; 0 when it shows none."""
    lines = (await service.http.get("/metrics")).text.splitlines()
    values = [line.rpartition(" ")[2] for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(map(float, values))


async def metric_of_all(scene: Scene, name: str) -> float:
    """Give a metric, summed over all processes."""
    return sum([await metric(service, name) for service in scene.services])
