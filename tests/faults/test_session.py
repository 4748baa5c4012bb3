"""No statement of a posting may be outside its transaction (T73): it would be committed alone, and survive an abort."""

from __future__ import annotations

import pytest

from tests.faults.command_log import commands_logged
from tests.faults.stage import Stage

BOOKS = {"wallets", "entries", "transactions"}
WRITES = {"insert", "update", "delete", "findAndModify"}
ADDS = {"insert"}
"""The relay changes and removes rows of the outbox on its own; only a posting adds one."""


@pytest.mark.quick
@pytest.mark.fault(
    "T73", "a session forgotten", "none: mongod's log of every command, under a load of everything, is looked through"
)
async def test_every_write_to_the_books_is_in_a_transaction(stage: Stage) -> None:
    """Whatever writes to wallets, entries or transactions, or adds to the outbox, carries its transaction."""
    async with stage.scene(started=False) as scene:
        with commands_logged(scene) as log:
            await scene.start()
            await scene.open()
            await scene.client.send(*scene.load.mixed(100))
            await scene.answered()
            asked = log.asked()
        writes = [
            one
            for one in asked
            if (one.statement.command in WRITES and one.statement.collection in BOOKS)
            or (one.statement.command in ADDS and one.statement.collection == "outbox")
        ]

        assert {"wallets", "entries", "transactions", "outbox"} == {one.statement.collection for one in writes}
        assert [] == [str(one.statement) for one in writes if not one.in_transaction]
