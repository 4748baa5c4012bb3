"""Books with wallets that are open and funded before any process of the service starts.

So that the very first batch that a process ever sees moves money between wallets. The rules are those of the service,
called from here; what they answer waits in the outbox.
"""

from __future__ import annotations

from adapters.clock import SystemClock
from adapters.mongo.client import connect
from adapters.mongo.driver import Driver
from adapters.mongo.indexes import prepare
from adapters.mongo.unit_of_work import MongoUnitOfWork
from adapters.rabbitmq.codec import message_of
from tests.faults.scene import Scene
from tests.fixtures.driver import DRIVER_SETTING
from tests.neighbour import body_of
from tests.scenario import USD, Event
from wallet_core import Policy, Request, SetAside, post_all, request_of


async def open_books(scene: Scene) -> None:
    """Prepare the database of a scene, and post the opening of its load. Not through the proxy, which is for faults."""
    database = connect(scene.servers.mongod.url(scene.books.name), driver=Driver(scene.settings[DRIVER_SETTING]))
    try:
        await prepare(database)
        requests = list(map(_request, scene.load.opening()))
        await post_all(requests, MongoUnitOfWork(database), SystemClock(), Policy(USD))
    finally:
        await database.close()


def _request(event: Event) -> Request:
    message = message_of(body_of(event), None)
    assert not isinstance(message, SetAside)
    request = request_of(event.subject, message, USD)
    assert not isinstance(request, SetAside)
    return request
