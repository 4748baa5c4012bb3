"""Ten thousand random operations, on memory and on every other store: equal results, equal errors, equal books."""

import pytest
from pymongo import MongoClient

from adapters.mongo.client import Database
from tests.contract.stores import mongo_store
from wallet_core.testing.conformance import SameAsMemorySuite, Store, memory_store


class TestMemory(SameAsMemorySuite):
    """In memory: twice the same."""

    @pytest.fixture
    def store(self) -> Store:
        """Give empty books."""
        return memory_store()


class TestMongo(SameAsMemorySuite):
    """On a real replica set."""

    operations = 5_000

    @pytest.fixture
    def store(self, database: Database, mongo_client: MongoClient[dict[str, object]]) -> Store:
        """Give empty books."""
        return mongo_store(database, mongo_client)


class TestMongoOverdrawn(TestMongo):
    """On a real replica set, where a wallet begins with some money and a reversal may overdraw it."""

    seed = 5
