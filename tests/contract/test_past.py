"""The suite of the port Past over every adapter."""

import pytest
from pymongo import MongoClient

from adapters.mongo.client import Database
from adapters.mongo.past import MongoPast
from tests.contract.stores import mongo_store
from tests.fixtures.driver import over_both_drivers
from wallet_core.memory import MemoryStore
from wallet_core.memory.past import MemoryPast
from wallet_core.testing.conformance import PastSuite, RememberedBooks, memory_store


class TestMemory(PastSuite):
    """In memory."""

    @pytest.fixture
    def books(self) -> RememberedBooks:
        """Give empty books and their past."""
        store = memory_store()
        assert isinstance(store.unit_of_work, MemoryStore)
        return RememberedBooks(store, MemoryPast(store.unit_of_work))


@over_both_drivers
class TestMongo(PastSuite):
    """On a real replica set, by each driver."""

    @pytest.fixture
    def books(self, database: Database, mongo_client: MongoClient[dict[str, object]]) -> RememberedBooks:
        """Give empty books and their past."""
        return RememberedBooks(mongo_store(database, mongo_client), MongoPast(database))
