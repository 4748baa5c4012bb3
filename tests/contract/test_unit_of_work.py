"""The suites of the port UnitOfWork over every adapter."""

import pytest
from pymongo import MongoClient

from adapters.mongo.client import Database
from tests.contract.stores import memory_store, mongo_store
from wallet_core.testing.conformance import RacesSuite, Store, UnitOfWorkSuite


class TestMemory(UnitOfWorkSuite, RacesSuite):
    """In memory."""

    @pytest.fixture
    def store(self) -> Store:
        """Give empty books."""
        return memory_store()


class TestMongo(UnitOfWorkSuite, RacesSuite):
    """On a real replica set."""

    @pytest.fixture
    def store(self, database: Database, mongo_client: MongoClient[dict[str, object]]) -> Store:
        """Give empty books."""
        return mongo_store(database, mongo_client)
