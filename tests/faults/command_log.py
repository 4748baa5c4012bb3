"""What the service asks the database, as the database itself has it: read from mongod's own log.

mongod logs each operation that takes longer than a threshold. Below zero that is every one, with the name of the
application, the command and how it ended: nothing of the driver or of the service has to be trusted or changed, and a
statement that is new in the service is seen by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from tests.faults.scene import Document, Scene
from tests.integration.fail_points import OF_THE_SERVICE

EVERYTHING_MS = -1
DEFAULT_MS = 100
"""Thresholds of mongod's log, milliseconds."""


@dataclass(frozen=True, slots=True, order=True)
class Statement:
    """A command on a collection; ``collection`` is empty for a command of the server or of a whole database."""

    command: str
    collection: str

    def __str__(self) -> str:
        """Be short enough for the message of a failure."""
        return f"{self.command} {self.collection}".rstrip()


@dataclass(frozen=True, slots=True)
class Asked:
    """One command of the service: when it ended, whether in a transaction, and the error code, None if it was well."""

    at: datetime
    statement: Statement
    in_transaction: bool
    error_code: int | None


class CommandLog:
    """Reads what was logged about one database since it was opened; see ``commands_logged``."""

    def __init__(self, scene: Scene) -> None:
        """Begin here."""
        self._file = scene.servers.mongod.log
        self._database = scene.books.name
        self._offset = self._file.stat().st_size

    def asked(self) -> list[Asked]:
        """Give the commands of the service since the last call, in the order in which they ended."""
        with self._file.open("rb") as log:
            log.seek(self._offset)
            lines = log.read().rpartition(b"\n")[0].splitlines()
            self._offset += sum(len(line) + 1 for line in lines)
        return [asked for line in lines if (asked := self._read(json.loads(line))) is not None]

    def _read(self, line: Document) -> Asked | None:
        facts = line.get("attr")
        if not isinstance(facts, dict) or facts.get("appName") != OF_THE_SERVICE or facts.get("type") != "command":
            return None
        database, _, _ = str(facts["ns"]).partition(".")
        command, at = facts["command"], line["t"]
        if database not in (self._database, "admin") or not isinstance(command, dict) or not isinstance(at, dict):
            return None
        name, value = next(iter(command.items()))
        return Asked(
            datetime.fromisoformat(at["$date"]),
            Statement(name, value if isinstance(value, str) else ""),
            command.get("autocommit") is False,
            facts.get("errCode"),
        )


@contextmanager
def commands_logged(scene: Scene) -> Iterator[CommandLog]:
    """Let mongod log every command, until the end of the block."""
    log = CommandLog(scene)
    admin = scene.servers.mongo.admin
    admin.command({"profile": 0, "slowms": EVERYTHING_MS})
    try:
        yield log
    finally:
        admin.command({"profile": 0, "slowms": DEFAULT_MS})
