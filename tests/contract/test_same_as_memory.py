"""Ten thousand random operations in one sequence, on memory and on MongoDB: equal results, errors and books."""

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


@pytest.mark.timeout(600)  # its time is that of the machine: thousands of transactions, one after the other
class TestMongo(SameAsMemorySuite):
    """On a real replica set."""

    operations = 10_000

    @pytest.fixture
    def store(self, database: Database, mongo_client: MongoClient[dict[str, object]]) -> Store:
        """Give empty books."""
        return mongo_store(database, mongo_client)


class TestMongoOverdrawn(TestMongo):
    """On a real replica set, where a wallet begins with some money and a reversal may overdraw it."""

    seed = 5
    operations = 2_000
