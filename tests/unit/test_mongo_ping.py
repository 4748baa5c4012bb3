"""The ping of a database: one at a time, and what becomes of one that nobody waits for any more."""

from __future__ import annotations

import asyncio
import gc
from typing import cast

import pytest
from pymongo.errors import NetworkTimeout

from adapters.mongo import client
from adapters.mongo.client import Database
from adapters.mongo.driver import DriverClient
from adapters.mongo.handles import ClientHandle, Document
from adapters.mongo.observer import NobodyObserves
from wallet_core.errors import StoreUnavailable


class SlowServer:
    """A driver's client, and its database, whose commands end when a test lets them."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self.handle = cast("ClientHandle", self)
        self.asked: list[asyncio.Future[Document]] = []

    def get_database(self, _: str) -> SlowServer:
        """Be the database too."""
        return self

    def command(self, _: Document) -> asyncio.Future[Document]:
        """Take a question, and leave it open."""
        self.asked.append(asyncio.get_running_loop().create_future())
        return self.asked[-1]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SlowServer:
    """Give a server for which nobody has much patience."""
    monkeypatch.setattr(client, "PING_TIMEOUT_S", 0.01)
    return SlowServer()


@pytest.fixture
async def database(server: SlowServer) -> Database:
    """Give the database on it."""
    return Database(cast("DriverClient", server), "books", NobodyObserves())


async def test_one_question_is_open_at_a_time(database: Database, server: SlowServer) -> None:
    """Whoever asks while a ping is under way waits for that one."""
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await database.ping()

    assert 1 == len(server.asked)


async def test_a_ping_that_fails_too_late_is_nobodys(
    database: Database, server: SlowServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What became of a ping that was given up is not reported by the event loop; the next one asks anew."""
    before = asyncio.all_tasks()
    with pytest.raises(StoreUnavailable):
        await database.ping()

    server.asked[0].set_exception(NetworkTimeout("late"))
    await asyncio.wait(asyncio.all_tasks() - before)
    with pytest.raises(StoreUnavailable):
        await database.ping()
    gc.collect()

    assert 2 == len(server.asked)
    assert "never retrieved" not in caplog.text
