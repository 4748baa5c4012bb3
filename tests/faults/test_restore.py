"""Backups: a copy holds the same books, and an older one becomes the latest when all events come again (T103)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.e2e.console import run_wallet
from tests.faults.backup import Backup
from tests.faults.invariants import key, signed_minor
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.neighbour import eventually
from tests.scenario import Event

EVENTS = 400


@dataclass(frozen=True, slots=True)
class EndState:
    """What the books come to, whatever ids were drawn on the way and in whatever order two events came."""

    balances_minor: Mapping[str, object]
    moved_minor: Mapping[tuple[str, str], int]
    answers: Mapping[str, str]


@pytest.mark.fault("T103", "backup restored to a copy", "documents read in a snapshot session under load")
async def test_a_copy_holds_the_same_books(stage: Stage) -> None:
    """A backup taken under load is of one instant: every chain and every sum in it fits, and the copy is the same."""
    async with stage.scene(services=2) as scene:
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(EVENTS)))
        await _in_the_middle(scene)
        backup = await asyncio.to_thread(Backup.of, scene.books)
        await sending
        copy = scene.books.client.get_database(f"{scene.books.name}_copy")
        try:
            await asyncio.to_thread(backup.restore, copy)
            again = await asyncio.to_thread(Backup.of, copy)
            await _assert_fits(scene, copy.name)
        finally:
            copy.client.drop_database(copy.name)
        assert {name: documents for name, documents in backup.documents.items() if documents} == again.documents


@pytest.mark.fault("T103", "older backup restored, all events again", "books replaced; each sent event is sent again")
async def test_an_older_backup_and_all_events_again_give_the_same_end(stage: Stage) -> None:
    """What the backup knows has no second effect, what it lacks is applied: the end is exactly as it was."""
    async with stage.scene(services=2) as scene:
        sending = asyncio.create_task(scene.client.send(*scene.load.mixed(EVENTS)))
        await _in_the_middle(scene)
        older = await asyncio.to_thread(Backup.of, scene.books)
        await sending
        await scene.client.send(*scene.load.transfers(EVENTS // 8))
        await scene.rest()
        before = _end_state(scene)

        for service in scene.services:
            await service.terminate()
        await asyncio.to_thread(older.restore, scene.books)
        _forget_answers(scene)
        await scene.start()
        await scene.client.send(*_sent(scene))
        await scene.rest()

        assert len(older.documents["transactions"]) < len(before.answers)
        assert before == _end_state(scene)
        await _assert_fits(scene, scene.books.name)


async def _in_the_middle(scene: Scene) -> None:
    """Wait until some of the load has been answered, and so stands in the books."""
    begun = len(scene.load.users) + EVENTS // 8

    async def is_so() -> bool:
        return len(scene.history.last_status) >= begun

    await eventually(is_so, f"{begun} transactions are answered")


async def _assert_fits(scene: Scene, database: str) -> None:
    """Let ``wallet audit`` recompute every balance, sequence, hash and answer."""
    url = scene.servers.mongod.url(database)
    done = await run_wallet(scene.folder, "audit", **{**scene.settings, "DATABASE_URL": url})
    assert 0 == done.returncode, f"{done.stdout}\n{done.stderr}"


def _sent(scene: Scene) -> list[Event]:
    """Give every event that was sent, in order; not the poison, which is a dead letter since and in no books."""
    events = [Event(sent.subject, json.loads(sent.body)) for sent in scene.history.sent]
    return [event for event in events if "nonce" not in event.message]


def _forget_answers(scene: Scene) -> None:
    """Let the transactions service be told again: what an older backup lacks gets a new answer, with its own time."""
    scene.history.read.clear()
    scene.history.last_status.clear()


def _end_state(scene: Scene) -> EndState:
    wallets = list(scene.books["wallets"].find())
    owners = {str(wallet["_id"]): str(wallet["userId"]) for wallet in wallets}
    moved: Counter[tuple[str, str]] = Counter()
    for entry in scene.books["entries"].find():
        moved[str(entry["transactionId"]), owners[key(entry)[0]]] += signed_minor(entry)
    return EndState(
        {str(wallet["userId"]): wallet["balanceMinor"] for wallet in wallets},
        {of_whom: minor for of_whom, minor in moved.items() if minor},
        dict(scene.history.last_status),
    )
