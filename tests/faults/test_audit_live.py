"""The audit beside a service that works: no false alarm, and no error missed (T104)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bson import Int64

from tests.faults.scene import Scene
from tests.faults.stage import Stage

AUDITS = 4
"""Audits under load, one after the other; each takes a second."""

BATCH = 200
UNANSWERED_MAX = 1_000
"""Events that are sent at a time, and how many may wait for their answers: the service always has something to do."""


@asynccontextmanager
async def money_moves(scene: Scene) -> AsyncIterator[None]:
    """Send all kinds of events as long as the block runs."""
    is_over = asyncio.Event()

    async def send() -> None:
        while not is_over.is_set():
            if len(scene.unanswered()) < UNANSWERED_MAX:
                await scene.client.send(*scene.load.mixed(BATCH))
            await asyncio.sleep(0.01)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        is_over.set()
        await sending


@pytest.mark.fault("T104", "an audit of a system at work", "`wallet audit` again and again under load; nothing planted")
async def test_an_audit_under_load_finds_nothing_where_nothing_is_wrong(stage: Stage) -> None:
    """Audit after audit says that everything fits, and each has seen the books grow since the one before."""
    async with stage.scene(services=2) as scene, money_moves(scene):
        audits = [await scene.run("audit") for _ in range(AUDITS)]

    assert {(0, "everything fits")} == {(exit_code, output.splitlines()[-1]) for exit_code, output, _ in audits}
    entries = [int(output.split(" wallets, ")[1].split(" entries")[0]) for _, output, _ in audits]
    assert entries == sorted(set(entries))


@pytest.mark.fault("T104", "planted errors under load", "a wrong balance, then a changed entry, each mended afterwards")
async def test_an_audit_under_load_finds_what_is_wrong(stage: Stage) -> None:
    """An error that is planted while money moves is named with its id, and nothing else is."""
    async with stage.scene() as scene:
        victim = scene.load.late[0]
        await scene.client.send(*scene.load.late_signups(), scene.load.topup(victim, 50))
        await scene.answered()
        scene.load.late.clear()  # nothing more is sent to the victim
        (wallet,) = scene.books["wallets"].find({"balanceMinor": Int64(5_000)})
        where, entry_where = {"_id": wallet["_id"]}, {"_id": {"w": wallet["_id"], "n": Int64(1)}}
        async with money_moves(scene):
            scene.books["wallets"].update_one(where, {"$inc": {"balanceMinor": Int64(-1)}})
            balance = await scene.run("audit")
            scene.books["wallets"].update_one(where, {"$inc": {"balanceMinor": Int64(1)}})

            scene.books["entries"].update_one(entry_where, {"$set": {"description": "gift"}})
            entry = await scene.run("audit")
            scene.books["entries"].update_one(entry_where, {"$unset": {"description": ""}})

    assert [1, 1] == [balance[0], entry[0]]
    assert [f"wallet       {wallet['_id']}", "money        USD"] == subjects(balance[1])
    assert [f"chain        {wallet['_id']}/1"] == subjects(entry[1])


def subjects(output: str) -> list[str]:
    """Give check and subject of each finding; the last three lines are the summary."""
    return [line.rpartition("  ")[0] for line in output.splitlines()[:-3]]
