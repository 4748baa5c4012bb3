"""The machine that others extend, on the books of MongoDB: the hook by which it takes any adapter's."""

from __future__ import annotations

import uuid

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from pymongo import MongoClient

from adapters.embedded import Mongod
from adapters.mongo.client import Database, connect
from adapters.mongo.driver import Driver
from adapters.mongo.indexes import prepare
from tests.contract.stores import mongo_store
from wallet_core.testing.conformance import Store
from wallet_core.testing.wallet_machine import WalletMachine


def machine_on(mongod: Mongod, client: MongoClient[dict[str, object]], driver: Driver) -> type[WalletMachine]:
    """Give the machine on this server; each run of it has a database of its own."""

    class MongoMachine(WalletMachine):
        """Any events in any order, posted to MongoDB."""

        database: Database

        async def open_store(self) -> Store:
            self.database = connect(mongod.url(f"wallet_{uuid.uuid4().hex[:12]}"), driver=driver)
            await prepare(self.database)
            return mongo_store(self.database, client)

        async def close_store(self) -> None:
            await self.database.close()
            client.drop_database(self.database.name)

    return MongoMachine


def test_the_machine_takes_the_books_of_mongodb(
    mongod: Mongod, mongo_client: MongoClient[dict[str, object]], driver: Driver
) -> None:
    """Whatever comes in whatever order, MongoDB agrees with the model after every step."""
    bounds = settings(
        max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )

    run_state_machine_as_test(machine_on(mongod, mongo_client, driver), settings=bounds)
