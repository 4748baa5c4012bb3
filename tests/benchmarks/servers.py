"""The servers of a benchmark, shared by all its measurements, and a place on them for each one.

``Place`` is a virtual host and a database that nobody else uses. Both servers, the service and the clients share the
machine, as in the numbers that we compare with.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from pymongo import MongoClient
from pymongo.database import Database

from adapters.embedded import Mongod, RabbitMQ
from adapters.http.development_key import DevelopmentKey
from tests.benchmarks.program import cpu_s

Document = dict[str, object]

CACHE_GB_MIN = 0.25
GIB = 2**30

MOTOR = "motor"
PYMONGO = "pymongo"
DRIVERS = (MOTOR, PYMONGO)

RATE_LIMIT_MAX = 1_000_000_000
"""The one setting that differs from the defaults: a client of a benchmark asks more often than 100 times."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one measurement happens."""

    rabbitmq_url: str
    database_url: str
    database: Database[Document]
    folder: Path
    key: DevelopmentKey

    def settings(self, driver: str) -> dict[str, str]:
        """Give the settings of a service here: the defaults, but for the rate limit."""
        return {
            "DATABASE_URL": self.database_url,
            "RABBITMQ_URL": self.rabbitmq_url,
            "JWKS_ENDPOINT": (self.folder / "key.jwks.json").as_uri(),
            "RATE_LIMIT_MAX": str(RATE_LIMIT_MAX),
            "WALLET_MONGO_DRIVER": driver,
        }


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of one run."""

    mongod: Mongod
    rabbitmq: RabbitMQ
    mongo: MongoClient[Document]
    folder: Path

    @contextmanager
    def place(self, database: str | None = None) -> Iterator[Place]:
        """Give a new virtual host and a new database, or the one of this name, which then stays."""
        vhost = f"bench_{uuid.uuid4().hex[:12]}"
        name = database or vhost
        folder = self.folder / vhost
        folder.mkdir()
        key = DevelopmentKey.load_or_create(self.folder / "key.pem")
        (folder / "key.jwks.json").write_text(json.dumps(key.jwks()), encoding="utf-8")
        self.rabbitmq.add_vhosts(vhost)
        try:
            yield Place(self.rabbitmq.url(vhost), self.mongod.url(name), self.mongo[name], folder, key)
        finally:
            self.rabbitmq.delete_vhosts(vhost)
            if database is None:
                self.mongo.drop_database(name)

    @contextmanager
    def with_own_mongod(self, name: str) -> Iterator[Servers]:
        """Give the same broker with a new mongod: for books that would be felt by whoever shares a server with them."""
        with _mongod(self.folder / name) as (mongod, mongo):
            yield replace(self, mongod=mongod, mongo=mongo)

    def cpu_s(self) -> dict[str, float]:
        """Give the processor time that each server has used, seconds."""
        return {"mongod": cpu_s(self.mongod.pid), "rabbitmq": cpu_s(self.rabbitmq.pid)}


def cache_gb() -> float:
    """
    Give the memory that mongod takes for its storage engine by itself: half of the machine's, less 1 GB.

    The private servers of the tests take the least there is. A load among a million wallets changes a page of its own
    for each entry in each index: what a small cache cannot keep until the next checkpoint, it writes again and again.
    """
    return max(CACHE_GB_MIN, (psutil.virtual_memory().total / GIB - 1) / 2)


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Start both servers, with their data in ``folder``, and stop them."""
    with _mongod(folder / "mongod") as (mongod, mongo), RabbitMQ(folder / "rabbitmq") as rabbitmq:
        yield Servers(mongod, rabbitmq, mongo, folder)


@contextmanager
def _mongod(folder: Path) -> Iterator[tuple[Mongod, MongoClient[Document]]]:
    with (
        Mongod(folder, cache_gb=round(cache_gb(), 2)) as mongod,
        MongoClient[Document](mongod.url(), tz_aware=True, appname="bench") as mongo,
    ):
        yield mongod, mongo
