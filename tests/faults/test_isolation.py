"""An event that the database itself refuses, again and again (T09, T10)."""

from __future__ import annotations

import pytest

from tests.faults.scene import Scene
from tests.faults.stage import Stage

REFUSED_MINOR = 777


def refuse_amount(scene: Scene, amount_minor: int | None) -> None:
    """Make the database refuse entries of one amount, beside what its validator asks for; None: it takes all again."""
    options = scene.books["entries"].options()["validator"]
    schema = options.get("$and", [options])[0]
    validator = schema if amount_minor is None else {"$and": [schema, {"amountMinor": {"$ne": amount_minor}}]}
    scene.books.command({"collMod": "entries", "validator": validator})


@pytest.mark.quick
@pytest.mark.fault(
    "T09 T10",
    "one event makes every batch fail that holds it",
    "the database refuses entries of one amount, later takes them; wallet dead-letters replay",
)
async def test_an_event_that_always_fails_is_set_aside_alone_and_can_be_replayed(stage: Stage) -> None:
    """Its neighbours are applied; it becomes ``isolated_error``; replayed when its cause is gone, it counts once."""
    async with stage.scene() as scene:
        user_id = scene.load.users[0]
        refuse_amount(scene, REFUSED_MINOR)
        poisonous = scene.load.topup(user_id, 1).but(amount=REFUSED_MINOR / 100)
        scene.load.balances_minor[user_id] += REFUSED_MINOR - 100
        good = scene.load.transfers(50)
        await scene.client.send(*good[:25], poisonous, *good[25:])
        line = await scene.service.wait_line("event_dead_lettered")
        refuse_amount(scene, None)

        code, output, errors = await scene.run("dead-letters", "replay", "--reason", "isolated_error")

        assert "isolated_error" == line["reason"]
        assert 0 == code, f"{output}\n{errors}"
        await scene.answered()
        await scene.client.send(poisonous)
