"""What the soak does to the service and its servers: one fault at a time, each with its own end.

Every fault of ``FAULTS`` takes a scene, does its harm, and undoes it before it returns; none waits for the service to
recover. ``SURVIVOR`` is never ended, so that its memory can be watched for the whole run.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

from tests.faults.scene import Scene
from tests.fixtures.wallet_process import WalletProcess
from tests.integration.fail_points import TRANSIENT, failing

SURVIVOR = 0
"""Index of the process that is frozen and cut off, but never ended."""

SHORT_S = (0.5, 3.0)
LONG_S = (6.0, 12.0)
"""How long a fault lasts, drawn between these: below, and well above, the heartbeat and the time-outs of the scene."""

Fault = Callable[[Scene], Awaitable[None]]


async def kill_service(scene: Scene) -> None:
    """kill -9 of a process, started again at once."""
    victim = _mortal(scene)
    victim.kill()
    victim.launch()
    await victim.wait_ready(timeout_s=60)


async def replace_service(scene: Scene) -> None:
    """SIGTERM to a process, which must end with 0, as in a rolling restart."""
    victim = _mortal(scene)
    exit_code = await victim.terminate(timeout_s=30)
    assert 0 == exit_code, f"a process that was asked to end gave {exit_code}"
    victim.launch()
    await victim.wait_ready(timeout_s=60)


async def freeze_service(scene: Scene) -> None:
    """SIGSTOP of a process for longer than its heartbeat: the broker gives its deliveries to the other."""
    victim = scene.chance.choice(scene.services)
    victim.freeze()
    await _last(scene, LONG_S)
    victim.thaw()


async def kill_database(scene: Scene) -> None:
    """kill -9 of mongod, started again after a while."""
    scene.servers.mongod.kill()
    await _last(scene, SHORT_S)
    await asyncio.to_thread(scene.servers.mongod.start)


async def freeze_database(scene: Scene) -> None:
    """SIGSTOP of mongod."""
    scene.servers.mongod.freeze()
    await _last(scene, LONG_S)
    scene.servers.mongod.thaw()


async def kill_broker(scene: Scene) -> None:
    """kill -9 of RabbitMQ, started again after a while."""
    scene.servers.rabbitmq.kill()
    await _last(scene, SHORT_S)
    await asyncio.to_thread(scene.servers.rabbitmq.start)


async def stop_broker(scene: Scene) -> None:
    """SIGTERM to RabbitMQ, started again after a longer while."""
    await asyncio.to_thread(scene.servers.rabbitmq.stop)
    await _last(scene, LONG_S)
    await asyncio.to_thread(scene.servers.rabbitmq.start)


async def freeze_broker(scene: Scene) -> None:
    """SIGSTOP of RabbitMQ for longer than the heartbeat."""
    scene.servers.rabbitmq.freeze()
    await _last(scene, LONG_S)
    scene.servers.rabbitmq.thaw()


async def cut_database(scene: Scene) -> None:
    """Reset every connection to mongod."""
    scene.to_mongod.cut()


async def cut_broker(scene: Scene) -> None:
    """Reset every connection to RabbitMQ, some times in a row."""
    for _ in range(scene.chance.randint(1, 5)):
        scene.to_rabbitmq.cut()
        await asyncio.sleep(scene.chance.uniform(0.1, 0.8))


async def hold_database(scene: Scene) -> None:
    """A black hole before mongod."""
    scene.to_mongod.hold()
    await _last(scene, LONG_S)
    scene.to_mongod.release()


async def hold_broker(scene: Scene) -> None:
    """A black hole before RabbitMQ."""
    scene.to_rabbitmq.hold()
    await _last(scene, LONG_S)
    scene.to_rabbitmq.release()


async def refuse_database(scene: Scene) -> None:
    """Every connection to mongod refused for a while."""
    scene.to_mongod.refuse()
    await _last(scene, SHORT_S)
    scene.to_mongod.accept()


async def lose_commit_replies(scene: Scene) -> None:
    """The next commits happen, and their replies are lost."""
    with failing(scene.servers.mongo, ["commitTransaction"], times=scene.chance.randint(1, 5), closeConnection=True):
        await _last(scene, SHORT_S)


async def conflict_writes(scene: Scene) -> None:
    """The next updates lose their race."""
    times = scene.chance.randint(1, 8)
    with failing(scene.servers.mongo, ["update", "insert"], times=times, errorCode=112, errorLabels=TRANSIENT):
        await _last(scene, SHORT_S)


FAULTS: tuple[Fault, ...] = (
    kill_service,
    kill_service,
    replace_service,
    freeze_service,
    kill_database,
    freeze_database,
    kill_broker,
    stop_broker,
    freeze_broker,
    cut_database,
    cut_broker,
    hold_database,
    hold_broker,
    refuse_database,
    lose_commit_replies,
    conflict_writes,
)
"""What is drawn from; the kill of a process twice as often as the rest."""


def heal(scene: Scene) -> None:
    """Undo whatever a fault that was interrupted has left."""
    for service in scene.services:
        service.signal(signal.SIGCONT)
    for proxy in (scene.to_mongod, scene.to_rabbitmq):
        proxy.release()
        proxy.accept()
    scene.servers.heal()


def _mortal(scene: Scene) -> WalletProcess:
    return scene.chance.choice([one for index, one in enumerate(scene.services) if index != SURVIVOR])


async def _last(scene: Scene, bounds_s: tuple[float, float]) -> None:
    await asyncio.sleep(scene.chance.uniform(*bounds_s))
