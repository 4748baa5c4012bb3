"""One command of the service fails once, and the test knows when it has.

mongod injects it by its fail point ``failCommand``, and counts how often that was met.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pymongo import MongoClient
from pymongo.errors import ExecutionTimeout

from tests.faults.scene import Document
from tests.integration.fail_points import failing

ERRORS: Mapping[str, Mapping[str, object]] = {
    "close": {"closeConnection": True},
    "WriteConflict": {"errorCode": 112},
    "NoSuchTransaction": {"errorCode": 251},
    "InterruptedAtShutdown": {"errorCode": 11600},
    "ShutdownInProgress": {"errorCode": 91},
    "NotWritablePrimary": {"errorCode": 10107},
    "PrimarySteppedDown": {"errorCode": 189},
    "MaxTimeMSExpired": {"errorCode": 50},
}
"""What may become of any command. The server adds the labels that it gives such an error where it happens."""

_OFF: Document = {"configureFailPoint": "failCommand", "mode": "off"}


@dataclass(frozen=True, slots=True)
class CommandFault:
    """A fail point that is set; ``count`` is how often mongod had met it before."""

    mongo: MongoClient[Document]
    count: int

    async def met(self, times: int, timeout_s: float) -> bool:
        """Wait until it was met so often since it was set."""
        wait = {"waitForFailPoint": "failCommand", "timesEntered": self.count + times}
        try:
            await asyncio.to_thread(self.mongo.admin.command, {**wait, "maxTimeMS": int(timeout_s * 1_000)})
        except ExecutionTimeout:
            return False
        return True


@contextmanager
def command_fault(
    mongo: MongoClient[Document], commands: Sequence[str], *, times: int = 1, **fault: object
) -> Iterator[CommandFault]:
    """Let the next ``times`` of these commands fail; ``fault`` is what ``failing`` takes."""
    count = mongo.admin.command(_OFF)["count"]
    with failing(mongo, commands, times=times, after=0, **fault):
        yield CommandFault(mongo, count)
