"""kill -9 of ``wallet migrate`` at every step of taking v1's wallets over (T30)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from bson import ObjectId

from tests.e2e.console import run_wallet
from tests.faults.crash import KILLED, steps_reached
from tests.faults.load import MINOR
from tests.faults.scene import Document, Scene
from tests.faults.stage import Stage

DOLLARS = 150
"""What each wallet of v1 holds."""

POINTS = (
    ("collection_made", 3),
    ("index_made", 2),
    ("transaction_begun", 1),
    ("wallets_read", 1),
    ("wallets_changed", 1),
    ("transactions_recorded", 1),
    ("entries_appended", 1),
    ("before_commit", 1),
    ("after_commit", 1),
)
"""What the command makes, and every step of its unit of work."""


@pytest.mark.fault("T30", "kill -9 of wallet migrate", f"WALLET_CRASH_AT, {len(POINTS)} points")
@pytest.mark.parametrize(("step", "times"), POINTS)
async def test_migration_goes_on_where_it_was_killed(stage: Stage, step: str, times: int) -> None:
    """The same command, typed again, takes over what is left, nothing twice; then the service works with it."""
    async with stage.scene(started=False, users=5, late=0) as scene:
        scene.books["wallets"].insert_many([v1_wallet(user_id) for user_id in scene.load.users])
        scene.load.balances_minor.update(dict.fromkeys(scene.load.users, DOLLARS * MINOR))
        history = scene.folder / "service-migrate.history"

        killed = await migrate(
            scene,
            WALLET_FAULT_INJECTION="on",
            WALLET_CRASH_AT=f"{step}:{times}",
            WALLET_FAULT_HISTORY=str(history),
        )
        again = await migrate(scene)

        assert (KILLED, 0) == (killed[0], again[0]), again[1]
        assert step == steps_reached(history)[-1]
        assert 0 == scene.books["wallets"].count_documents({"balance": {"$exists": True}})
        await scene.start()
        await scene.client.send(*scene.load.transfers(5))


def v1_wallet(user_id: str) -> Document:
    """Write a wallet as v1 has left it."""
    now = datetime.now(UTC)
    return {
        "_id": ObjectId(),
        "userId": ObjectId(user_id),
        "balance": DOLLARS,
        "createdAt": now,
        "updatedAt": now,
        "__v": 0,
    }


async def migrate(scene: Scene, **settings: str) -> tuple[int, str]:
    """Run the command, and give its exit code and what it wrote."""
    ended = await run_wallet(scene.folder, "migrate", "--without-transactions", **{**scene.settings, **settings})
    return ended.returncode, ended.stdout + ended.stderr
