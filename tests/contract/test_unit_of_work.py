"""The suites of the port UnitOfWork over every adapter."""

import pytest
from pymongo import MongoClient

from adapters.mongo.client import Database
from tests.contract.stores import mongo_store
from tests.fixtures.driver import over_both_drivers
from wallet_core.testing.conformance import RacesSuite, Store, UnitOfWorkSuite, memory_store


class TestMemory(UnitOfWorkSuite, RacesSuite):
    """In memory."""

    @pytest.fixture
    def store(self) -> Store:
        """Give empty books."""
        return memory_store()


@over_both_drivers
class TestMongo(UnitOfWorkSuite, RacesSuite):
    """On a real replica set, by each driver."""

    @pytest.fixture
    def store(self, database: Database, mongo_client: MongoClient[dict[str, object]]) -> Store:
        """Give empty books."""
        return mongo_store(database, mongo_client)
