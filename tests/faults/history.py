"""What really happened in a scenario, in order: what was sent and confirmed, and what was read back.

Kept in memory for the checker, and as JSON lines in a file for a person who looks into a failure. The service writes a
file of its own beside it (``WALLET_FAULT_HISTORY``, see ``entrypoints/fault_injection.py``).
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from wallet_core import Subject


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that the broker has confirmed. One that was confirmed twice is here twice."""

    at_s: float
    subject: Subject
    body: str


@dataclass(frozen=True, slots=True)
class Read:
    """An answer that the transactions service has read, ``transaction_id`` and ``revision`` as its body says."""

    at_s: float
    transaction_id: str
    revision: int
    status: str
    message_id: str | None
    body: str


class History:
    """The history of one scenario. ``at_s`` counts from its beginning."""

    def __init__(self, file: Path) -> None:
        """Begin now; lines are appended to ``file``."""
        self.sent: list[Sent] = []
        self.read: list[Read] = []
        self.last_status: dict[str, str] = {}
        self.file = file
        self._began_at_s = time.monotonic()
        self._lines = file.open("a", encoding="utf-8", buffering=1)

    def now_s(self) -> float:
        """Give the seconds since the beginning."""
        return time.monotonic() - self._began_at_s

    def add_sent(self, subject: Subject, body: str) -> None:
        """Take down what the broker has just confirmed."""
        self.sent.append(Sent(self.now_s(), subject, body))
        self._write("sent", self.sent[-1])

    def add_read(self, body: str, message_id: str | None) -> None:
        """Take down an answer. Raises ValueError and KeyError for one that no reader could read."""
        message = json.loads(body)
        read = Read(
            self.now_s(),
            str(message["transactionId"]),
            int(message["revision"]),
            str(message["status"]).lower(),
            message_id,
            body,
        )
        self.read.append(read)
        self.last_status[read.transaction_id] = read.status
        self._write("read", read)

    def note(self, what: str) -> None:
        """Take down what the test does, such as a kill."""
        self._lines.write(json.dumps({"what": what, "at_s": self.now_s()}) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _write(self, what: str, line: Sent | Read) -> None:
        self._lines.write(json.dumps({"what": what, **asdict(line)}) + "\n")
