"""The suite of the port EventBus over SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from docs.examples.sqlite_bus import TABLE, SqliteBus
from wallet_core.testing.conformance import Bus, EventBusSuite, Received

SELECT = "SELECT message_id, routing_key, body FROM answers ORDER BY number"


class TestSqliteBus(EventBusSuite):
    """Another process takes the file away by locking it."""

    @pytest.fixture
    def bus(self, tmp_path: Path) -> Iterator[Bus]:
        """Give a bus that nobody has published to, and its other side."""
        file = tmp_path / "answers.db"
        with closing(sqlite3.connect(file)) as other:
            other.execute(TABLE)

            async def received() -> Sequence[Received]:
                with other:
                    rows = other.execute(SELECT).fetchall()
                    other.execute("DELETE FROM answers")
                return [Received(*row) for row in rows]

            async def go_away() -> None:
                other.execute("BEGIN EXCLUSIVE")

            async def come_back() -> None:
                other.rollback()

            yield Bus(SqliteBus(file), received, go_away, come_back)
