"""What the broker itself says of those who are attached to one virtual host."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from adapters.rabbitmq.topology import INPUT_QUEUES
from tests.faults.scene import Scene
from tests.neighbour import eventually

OURS = {queue.name for queue in INPUT_QUEUES}


@dataclass(frozen=True, slots=True)
class ConsumerFacts:
    """One consumer of an input queue."""

    queue: str
    prefetch: int


async def consumers(scene: Scene) -> list[ConsumerFacts]:
    """List the consumers of the input queues."""
    columns = ("queue_name", "prefetch_count")
    rows = await _listed(scene, "list_consumers", "-p", scene.vhost, columns=columns)
    return [
        ConsumerFacts(str(row["queue_name"]), int(str(row["prefetch_count"])))
        for row in rows
        if row["queue_name"] in OURS
    ]


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """All connections of the virtual host, whosever they are, and those of their channels that consume."""

    connections: int
    consuming_channels: int
    other_channels: int


async def connection_facts(scene: Scene) -> ConnectionFacts:
    """Count connections and channels."""
    connections = await _listed(scene, "list_connections", columns=("vhost",))
    channels = await _listed(scene, "list_channels", columns=("vhost", "consumer_count"))
    consuming = [bool(row["consumer_count"]) for row in channels if row["vhost"] == scene.vhost]
    return ConnectionFacts(
        sum(row["vhost"] == scene.vhost for row in connections), sum(consuming), consuming.count(False)
    )


async def wait_consumers(scene: Scene, count: int, timeout_s: float) -> list[ConsumerFacts]:
    """Wait until each input queue has so many consumers, and give them."""

    async def are_there() -> bool:
        queues = [consumer.queue for consumer in await consumers(scene)]
        return all(queues.count(name) == count for name in OURS)

    await eventually(are_there, f"{count} consumers on each input queue", timeout_s)
    return await consumers(scene)


async def _listed(scene: Scene, command: str, *arguments: str, columns: tuple[str, ...]) -> list[dict[str, object]]:
    listed = await asyncio.to_thread(scene.servers.rabbitmq.ctl, command, *arguments, "--formatter", "json", *columns)
    rows: list[dict[str, object]] = json.loads(listed)
    return rows
