"""An EventBus that is a table in a file: whoever wants our answers reads them there, in order."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from wallet_core import TransactionFinalized, message_id_of
from wallet_core.body import answer_body
from wallet_core.messages import FINALIZED_KEY

BUSY_S = 1.0
"""How long we wait while another process writes; then the answers stay in the outbox, and come again."""

TABLE = "CREATE TABLE IF NOT EXISTS answers (number INTEGER PRIMARY KEY, message_id TEXT, routing_key TEXT, body BLOB)"
INSERT = "INSERT INTO answers (message_id, routing_key, body) VALUES (?, ?, ?)"


class SqliteBus:
    """``ports.EventBus`` on SQLite: what is committed is published."""

    def __init__(self, file: Path) -> None:
        """Publish into this file; it need not be there yet."""
        self._file = file

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """Publish all of them or none; see ``ports.EventBus.publish_many``."""
        rows = [(message_id_of(answer), FINALIZED_KEY, answer_body(answer)) for answer in answers]
        return [await asyncio.to_thread(self._write, rows)] * len(rows)

    def _write(self, rows: Sequence[tuple[str, str, bytes]]) -> bool:
        try:
            with closing(sqlite3.connect(self._file, timeout=BUSY_S)) as connection, connection:
                connection.execute(TABLE)
                connection.executemany(INSERT, rows)
        except sqlite3.OperationalError:  # locked, full or out of reach: the port says False, and raises nothing
            return False
        return True
