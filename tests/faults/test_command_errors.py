"""Every command that the service sends fails once, with every error that a server gives for reasons of its own (T64).

The list of commands is not written down here: it is what mongod has seen the service ask. A statement that is new in
the service is covered by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

import httpx2
import pytest

from tests.e2e.deployment import STATEMENT, WALLET
from tests.faults.command_fault import ERRORS, command_fault
from tests.faults.command_log import Asked, Statement, commands_logged
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.integration.fail_points import failing
from tests.neighbour import eventually
from tests.scenario import signup

MET_S_MAX = 1.0
ROUNDS_MAX = 10
"""Rounds of everything that a command may take to be sent once, and how long each is waited for, seconds."""

ANSWERED_S_MAX = 20.0
"""How long the answers may take after one command has failed once."""

ABORT = Statement("abortTransaction", "")
"""Is sent only after something else has failed."""

HANDSHAKE = Statement("ismaster", "")
"""The first word on a new connection, before the server knows which application speaks: no fail point meets it."""

BRISK = """
import adapters.mongo.client, entrypoints.relay, wallet_core.relay
adapters.mongo.client.HEARTBEAT_MS = 500
entrypoints.relay.BACKLOG_INTERVAL_S = 0.0
wallet_core.relay.LEASE_MS = 1_500
"""
"""What the service does every few seconds it does several times a second, so that no round has to wait for it."""


async def everything(scene: Scene) -> None:
    """Let the service do each thing that it can do, once; no request over HTTP may end in a 500."""
    load = scene.load
    new = load.new_id()
    completed, failed = load.taken_back()
    again = load.transfer()
    await scene.client.send(signup(new), completed, again)
    await recorded(scene, str(completed.message["transactionId"]))
    await scene.client.send(failed, load.topup(new), load.refused(), load.transfer(), again)
    headers = {"authorization": f"Bearer {scene.token(load.users[0])}"}
    for path, query in ((WALLET, {}), (STATEMENT, {"from": "2020-01-01T00:00:00Z"}), ("/health/ready", {})):
        response = await scene.service.http.get(path, headers=headers, params=query)
        assert response.status_code in (httpx2.codes.OK, httpx2.codes.SERVICE_UNAVAILABLE), f"{path}: {response.text}"


async def recorded(scene: Scene, transaction_id: str) -> None:
    """Wait until a transaction has an answer, so that what fails next is a record that is stored."""

    async def is_recorded() -> bool:
        return transaction_id in scene.history.last_status

    await eventually(is_recorded, f"an answer about {transaction_id}", ANSWERED_S_MAX)


async def asked_at_work(scene: Scene) -> list[Asked]:
    """Give each command of the service at work. An update fails, so that there is a transaction to abort."""
    with commands_logged(scene) as log:
        with failing(scene.servers.mongo, ["update"], times=1, errorCode=112):
            await everything(scene)
            await scene.answered()
        await everything(scene)
        await scene.rest()
        return [asked for asked in log.asked() if asked.statement != HANDSHAKE]


async def fail_once(scene: Scene, statement: Statement, error: str) -> None:
    """Let one command fail once, and wait until everything is answered nevertheless."""
    fault = dict(ERRORS[error])
    commands = [statement.command]
    if statement.collection:
        fault["namespace"] = f"{scene.books.name}.{statement.collection}"
    if statement == ABORT:
        commands.append("update")
    times = len(commands)
    with command_fault(scene.servers.mongo, commands, times=times, **fault) as point:
        for _ in range(ROUNDS_MAX):
            await everything(scene)
            if await point.met(times, MET_S_MAX):
                break
        else:
            raise AssertionError(f"it was not sent in {ROUNDS_MAX} rounds")
    await scene.answered(ANSWERED_S_MAX)


async def fail_each_once(scene: Scene, statements: Iterable[Statement]) -> None:
    """Let each fail with each error, and say which pair it was when it does harm."""
    for statement in sorted(set(statements)):
        for error in ERRORS:
            scene.history.note(f"{statement} fails with {error}")
            try:
                await fail_once(scene, statement, error)
            except (AssertionError, httpx2.TransportError) as harm:
                raise AssertionError(
                    f"{statement} failed once with {error}: {harm!r}\n{scene.service.log[-3_000:]}"
                ) from harm


@pytest.mark.fault(
    "T64",
    "every command of a posting fails once with each of 8 errors",
    "failCommand for each command that mongod has seen in a transaction of ours",
)
async def test_every_command_of_a_posting_may_fail(stage: Stage) -> None:
    """Whichever command of the transaction fails in whatever way, it runs again or waits, and has one effect."""
    async with stage.scene(started=False) as scene:
        scene.service.launch(before=BRISK)
        await scene.service.wait_ready()
        await scene.open()
        statements = {asked.statement for asked in await asked_at_work(scene) if asked.in_transaction}
        assert {ABORT, Statement("commitTransaction", ""), Statement("update", "transactions")} < statements

        await fail_each_once(scene, statements)


@pytest.mark.fault(
    "T64",
    "every other command of a process at work fails once with each of 8 errors",
    "failCommand for each command that mongod has seen outside a transaction",
)
async def test_every_command_outside_a_posting_may_fail(stage: Stage) -> None:
    """The relay, the readers and readiness take any error for a moment's outage: no process ends, nothing is lost."""
    async with stage.scene(started=False) as scene:
        scene.service.launch(before=BRISK)
        await scene.service.wait_ready()
        await scene.open()
        statements = {asked.statement for asked in await asked_at_work(scene) if not asked.in_transaction}
        assert {Statement("delete", "outbox"), Statement("findAndModify", "leases")} < statements

        await fail_each_once(scene, statements)
