"""Every command that a process sends at its start and its end fails once, with every error (T64)."""

from __future__ import annotations

import asyncio
from itertools import product

import pytest
import stamina
from bson import ObjectId
from pymongo.errors import PyMongoError

from adapters.mongo import client
from adapters.mongo.client import connect
from adapters.mongo.indexes import INDEXES
from adapters.mongo.schemas import VALIDATORS
from entrypoints.books_preparation import prepare_books
from tests.faults.command_fault import ERRORS, command_fault
from tests.faults.command_log import commands_logged
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.scenario import USD

START_S_MAX = 20.0
"""How long a start may take when one of its commands has failed, on a machine with other work."""

ATTEMPTS_MAX = 100

HANDSHAKE = "ismaster"
"""The first word on a new connection, before the server knows which application speaks: no fail point meets it."""

HEARTBEAT_MS = 500
"""How often the driver looks at the server; 2 s by default. Each error that says "I am leaving" costs one."""


def old_books(scene: Scene) -> None:
    """Leave a database in which there is something to change, too: a collection without its validator."""
    scene.servers.mongo.drop_database(scene.books.name)
    scene.books.create_collection("wallets")
    scene.books["unadopted"].insert_one({"_id": ObjectId(), "reason": "of an older run"})


async def start_and_end(scene: Scene) -> None:
    """Do what a process does at its start and at its end."""
    database = connect(scene.settings["DATABASE_URL"])
    try:
        async with asyncio.timeout(START_S_MAX):
            await prepare_books(database, USD)
    finally:
        await database.close()


def is_complete(scene: Scene) -> bool:
    """Tell whether everything is there."""
    made = {(index.collection, index.name) for index in INDEXES}
    found = {(name, index) for name in VALIDATORS for index in scene.books[name].index_information()}
    validated = all(scene.books[name].options().get("validator") for name in VALIDATORS)
    return validated and made <= found


async def fail_once(scene: Scene, command: str, error: str) -> None:
    """Let the first of these commands fail, and hold the start to its end."""
    old_books(scene)
    with command_fault(scene.servers.mongo, [command], times=1, **ERRORS[error]) as point:
        try:
            await start_and_end(scene)
        except (PyMongoError, TimeoutError) as harm:
            raise AssertionError(f"{command} failed once with {error}: {harm!r}") from harm
        assert await point.met(1, 0.1), f"{command} was not sent"
    assert is_complete(scene), f"{command} failed once with {error}"


@pytest.mark.fault(
    "T64",
    "every command of a start fails once with each of 8 errors",
    "failCommand for each command that mongod has seen at a start",
)
async def test_every_command_of_a_start_may_fail(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that meets an error waits and goes on; then everything is there, and the service works on it."""
    monkeypatch.setattr(client, "HEARTBEAT_MS", HEARTBEAT_MS)
    async with stage.scene(started=False) as scene:
        old_books(scene)
        with commands_logged(scene) as log:
            await start_and_end(scene)
            commands = {asked.statement.command for asked in log.asked()} - {HANDSHAKE}
        assert {"listCollections", "create", "collMod", "createIndexes", "listIndexes"} < commands

        with stamina.set_testing(True, attempts=ATTEMPTS_MAX):  # it does not wait between its tries
            for command, error in product(sorted(commands), ERRORS):
                await fail_once(scene, command, error)
        await scene.start()
        await scene.open()
