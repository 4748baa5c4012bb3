"""The shard keys of ``docs/scaling.md``: accepted by real shards on the collections that the service makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bson import ObjectId, json_util
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from adapters.mongo.client import connect
from adapters.mongo.indexes import INDEXES, prepare
from tests.sharding import Cluster, CommandFailed, CrossShardTransactions, Document, sharded_cluster

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"

BANK = "bank"

KEYS: dict[str, Document] = {
    name: json_util.loads(key)
    for name, key in re.findall(
        r'^sh\.shardCollection\("mint_wallet\.(\w+)", (\{.*?\})\)$', PAGE.read_text(), re.MULTILINE
    )
}
"""What the page tells an operator to type."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run two shards; every test has collections of its own."""
    with sharded_cluster(tmp_path_factory.mktemp("cluster"), shards=2) as cluster:
        yield cluster


@pytest.fixture
async def prepared(cluster: Cluster) -> str:
    """Make the collections, validators and indexes of the service on the first shard, in a database of the test."""
    name = f"{BANK}_{ObjectId()}"
    cluster.add_database(name)
    database = connect(cluster.shards[0].url(name))
    await prepare(database)
    await database.close()
    return name


async def test_the_shards_accept_every_key_of_the_page(cluster: Cluster, prepared: str) -> None:
    """Beside all our indexes; each that is hashed is spread over the shards from its first document on."""
    for collection, key in KEYS.items():
        cluster.shard_collection(prepared, collection, key)

    assert {"wallets", "entries", "transactions", "outbox"} == set(KEYS)
    for collection, key in KEYS.items():
        if "hashed" in key.values():
            assert {"shard0", "shard1"} == set(cluster.chunks(prepared, collection)), collection


async def test_wallets_cannot_be_sharded_by_their_id(cluster: Cluster, prepared: str) -> None:
    """The unique index on owner and currency forbids it: so their key is the owner."""
    with pytest.raises(OperationFailure, match="Uniqueness can't be maintained"):
        cluster.shard_collection(prepared, "wallets", {"_id": "hashed"})


async def test_the_indexes_of_a_start_fit_a_sharded_database(cluster: Cluster, prepared: str) -> None:
    """A service that starts again on sharded collections finds what it needs, and changes nothing."""
    for collection, key in KEYS.items():
        cluster.shard_collection(prepared, collection, key)

    database = connect(cluster.shards[0].url(prepared))
    await prepare(database)
    await database.close()

    with MongoClient[Document](cluster.shards[0].url()) as client:
        for index in INDEXES:
            assert index.name in client[prepared][index.collection].index_information()


def test_a_transaction_over_two_shards_is_all_or_nothing(cluster: Cluster) -> None:
    """Both legs are there, or neither: the shards agree on the commit, and a refused statement leaves nothing."""
    name = f"{BANK}_{ObjectId()}"
    for shard in cluster.shards:
        with MongoClient[Document](shard.url()) as client:
            client[name].create_collection("entries")
    transactions = CrossShardTransactions(cluster, name)

    transactions.run([[_insert(1)], [_insert(2)]])
    transactions.run([[_insert(3)], []])
    transactions.run([[_insert(4)], [_insert(5)]])
    with pytest.raises(CommandFailed, match="duplicate key"):
        transactions.run([[_insert(6)], [_insert(2)]])
    transactions.close()

    assert [{1, 3, 4}, {2, 5}] == [_ids(cluster, number, name) for number in range(2)]


def _insert(id_: int) -> Document:
    return {"insert": "entries", "documents": [{"_id": id_}]}


def _ids(cluster: Cluster, shard: int, database: str) -> set[object]:
    with MongoClient[Document](cluster.shards[shard].url()) as client:
        return {document["_id"] for document in client[database]["entries"].find()}
