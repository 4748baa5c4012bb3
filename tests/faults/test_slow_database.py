"""A database that takes its time, or never comes back to a statement (T65)."""

from __future__ import annotations

import time

import pytest

from tests.faults.command_fault import command_fault
from tests.faults.stage import Stage

SLOW_MS = 5_000

TIMEOUT_MS = 3_000
"""How long a process that was told so waits for an answer of the database; 20 s by default."""

NEXT_WRITE_S_MAX = 15.0
"""How soon the next write on the same wallet must succeed, whatever was left open on the server."""

MET_S_MAX = 10.0

MAX_TIME_EXPIRED = 50


@pytest.mark.fault(
    "T65", "a write, and a commit, of 5 s", "failCommand blockConnection on update and commitTransaction"
)
async def test_a_slow_statement_is_waited_for(stage: Stage) -> None:
    """Five seconds are within the patience for a statement: the posting ends late, and nothing is done twice."""
    async with stage.scene() as scene:
        for command in ("update", "commitTransaction"):
            slow = {"blockConnection": True, "blockTimeMS": SLOW_MS}
            with command_fault(scene.servers.mongo, [command], **slow) as point:
                began_at_s = time.monotonic()
                await scene.client.send(scene.load.transfer())
                assert await point.met(1, MET_S_MAX)
                balance_minor = await scene.balance_minor(scene.service, scene.load.users[0])
                read_s = time.monotonic() - began_at_s
                await scene.answered()

            assert balance_minor is not None
            assert read_s < SLOW_MS / 1_000 <= time.monotonic() - began_at_s
        assert not scene.service.lines("batch_waits_for_database")


@pytest.mark.fault(
    "T65",
    "a write that does not return in time",
    "failCommand blockConnection on update, four times as long as the time-out (3 s here, in place of 20 s)",
)
async def test_a_statement_that_does_not_return_is_given_up(stage: Stage) -> None:
    """After the time-out for an answer the posting runs again on another connection, and meets nothing left open."""
    async with stage.scene(started=False) as scene:
        scene.service.launch(
            before=f"import adapters.mongo.client; adapters.mongo.client.SOCKET_TIMEOUT_MS = {TIMEOUT_MS}"
        )
        await scene.service.wait_ready()
        await scene.open()
        blocked = {"blockConnection": True, "blockTimeMS": 4 * TIMEOUT_MS}
        with command_fault(scene.servers.mongo, ["update"], **blocked) as point:
            began_at_s = time.monotonic()
            await scene.client.send(scene.load.transfer())
            assert await point.met(1, MET_S_MAX)
            await scene.answered()
            answered_s = time.monotonic() - began_at_s

        assert TIMEOUT_MS / 1_000 <= answered_s < 4 * TIMEOUT_MS / 1_000


@pytest.mark.fault(
    "T65",
    "a transaction stays open on the server, and holds its wallets",
    "failCommand closeConnection on an insert, on its abort, and again; then an error on the first killSessions",
)
async def test_a_transaction_that_could_not_be_aborted_is_ended(stage: Stage) -> None:
    """Whoever needs the wallet next finds what holds it, ends it, and says so; readiness is red meanwhile."""
    async with stage.scene() as scene:
        sender, recipient = scene.load.users[:2]
        with command_fault(scene.servers.mongo, ["insert", "abortTransaction"], times=3, closeConnection=True) as point:
            await scene.client.send(scene.load.transfer(sender, recipient))
            assert await point.met(3, MET_S_MAX)
        began_at_s = time.monotonic()
        with command_fault(scene.servers.mongo, ["killSessions"], errorCode=MAX_TIME_EXPIRED):
            await scene.client.send(scene.load.transfer(sender, recipient))
            reason = await scene.service.wait_not_ready("rabbitmq")
            await scene.answered()

        assert time.monotonic() - began_at_s < NEXT_WRITE_S_MAX
        assert "events wait for the database" in reason
        assert scene.service.lines("abandoned_transactions_ended")
        assert scene.service.lines("abandoned_transactions_unknown")
