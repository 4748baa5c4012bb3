"""Faults that a real mongod injects by itself: its fail point ``failCommand``."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pymongo import MongoClient

from adapters.mongo.client import APPLICATION_NAME

OF_THE_SERVICE = APPLICATION_NAME
"""The application name of the connections under test; those of the tests themselves see no fault."""

TRANSIENT = ["TransientTransactionError"]

WAIT_S_MAX = 5.0


@contextmanager
def failing(
    client: MongoClient[dict[str, object]],
    commands: Sequence[str],
    *,
    times: int | None = None,
    after: int = 0,
    **fault: object,
) -> Iterator[None]:
    """
    Let the next ``times`` of these commands fail, or all of them ``after`` some.

    The fault is what mongod calls it: ``closeConnection=True``, ``errorCode=112``, ``blockConnection=True``.
    """
    mode = {"skip": after} if times is None else {"times": times}
    data = {"failCommands": list(commands), "appName": OF_THE_SERVICE, **fault}
    client.admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": data})
    try:
        yield
    finally:
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


def under_way(client: MongoClient[dict[str, object]], command: str) -> list[dict[str, object]]:
    """Give the commands of this name that the server is in the middle of for the service."""
    query = {"appName": OF_THE_SERVICE, f"command.{command}": {"$exists": True}}
    commands = [each["command"] for each in client.admin.aggregate([{"$currentOp": {}}, {"$match": query}])]
    return [each for each in commands if isinstance(each, dict)]


async def until_blocked(client: MongoClient[dict[str, object]], command: str) -> dict[str, object]:
    """Wait until the server is in the middle of a command of the service; give the command."""
    give_up_at_s = time.monotonic() + WAIT_S_MAX
    while not (running := under_way(client, command)):
        assert time.monotonic() < give_up_at_s
        await asyncio.sleep(0.005)
    return running[0]
