"""Transactions that lose their race (T60), and keys that somebody else has taken first (T72)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import pytest

from adapters.mongo.unit_of_work import ATTEMPTS_MAX
from tests.faults.command_fault import command_fault
from tests.faults.command_log import Asked, Statement, commands_logged
from tests.faults.metric import metric_of_all
from tests.faults.stage import Stage
from tests.scenario import signup

WRITE_CONFLICT = 112
NO_SUCH_TRANSACTION = 251
TAKEN_ID = {"errorCode": 11000, "errorExtraInfo": {"keyPattern": {"_id": 1}, "keyValue": {"_id": 1}}}
"""DuplicateKey; the server refuses to make one up without saying which key."""

ABORT = Statement("abortTransaction", "")

MET_S_MAX = 30.0

BACK_OFF_S = 0.05
"""A wait that only a back-off explains: without one, a try follows the next within some milliseconds. Of the last five
waits of ten, each up to half a second, all are shorter once in 10^5 runs."""

COPIES = 20

TAKEN = 8
"""Inserts in a row that find their key taken: fewer than the tries of a unit of work, more than an event may have."""

ELAPSED_S_MAX = 20.0
"""Longest for the copies of some events, all at once at two processes. A loop of 251 has no end."""


@pytest.mark.fault(
    "T60", "write conflict 1, 3, 11 and 20 times in a row", "failCommand 112 on update; 12 tries are one unit of work"
)
async def test_a_lost_race_is_run_again_after_a_wait(stage: Stage) -> None:
    """However often it loses, there is one effect; it waits between the tries, and says so when it has to give up."""
    async with stage.scene() as scene:
        for times in (1, 3, ATTEMPTS_MAX - 1, ATTEMPTS_MAX + 8):
            raced_before = await metric_of_all(scene, "wallet_conflicts_total")
            with (
                commands_logged(scene) as log,
                command_fault(scene.servers.mongo, ["update"], times=times, errorCode=WRITE_CONFLICT) as point,
            ):
                await scene.client.send(scene.load.transfer())
                assert await point.met(times, MET_S_MAX)
                await scene.answered()
            raced = await metric_of_all(scene, "wallet_conflicts_total") - raced_before

            assert raced == times
            if times >= ATTEMPTS_MAX - 1:
                assert longest_wait_s(log.asked()) >= BACK_OFF_S
        assert scene.service.lines("batch_waits_for_database")


@pytest.mark.quick
@pytest.mark.fault(
    "T72",
    "the same new transactions and signups at two processes at once, and a duplicate key inside a transaction",
    "20 copies of each event; failCommand 11000 on insert",
)
async def test_a_taken_key_is_a_race_and_no_loop(stage: Stage) -> None:
    """Who is second runs again, finds the key, and answers as for any repetition: soon, and without a 251."""
    async with stage.scene(services=2, settings={"WALLET_BATCH_MAX": "5"}) as scene:
        load = scene.load
        began_at_s = time.monotonic()
        with commands_logged(scene) as log:
            for _ in range(3):
                new = load.new_id()
                await scene.client.send(*[signup(new), load.topup(new), load.transfer()] * COPIES)
                await scene.answered()
            taken = {**TAKEN_ID, "namespace": f"{scene.books.name}.transactions"}
            with command_fault(scene.servers.mongo, ["insert"], times=TAKEN, **taken) as point:
                await scene.client.send(load.transfer())
                assert await point.met(TAKEN, MET_S_MAX)
                await scene.answered()
            asked = log.asked()

        assert time.monotonic() - began_at_s < ELAPSED_S_MAX
        assert any(one.error_code for one in asked), "nobody met anybody"
        # An abort may find that the server has aborted already; nothing else may go on in a transaction that is gone.
        assert [] == [one for one in asked if one.error_code == NO_SUCH_TRANSACTION and one.statement != ABORT]


def longest_wait_s(asked: Sequence[Asked]) -> float:
    """Give the longest time between two tries of a unit of work."""
    begun: list[datetime] = [one.at for one in asked if one.statement == Statement("find", "transactions")]
    return max((later - earlier).total_seconds() for earlier, later in pairwise(begun))
