"""The replica set of the fault tests does what its methods say; what it cannot do no test of the service can prove."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.errors import ConnectionFailure, WTimeoutError

from tests.faults.replica_set import Document, ReplicaSet


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    """Start a set for the tests of this module; each leaves it whole."""
    with ReplicaSet(tmp_path_factory.mktemp("replica-set")) as started:
        yield started


def test_a_set_is_whole_after_its_start(replica_set: ReplicaSet) -> None:
    """One member takes writes, and a write reaches the two others."""
    with MongoClient[Document](replica_set.url("whole"), w=3) as client:
        client.get_default_database()["written"].insert_one({"_id": 1})

    assert replica_set.primary() not in replica_set.secondaries()
    assert len(replica_set.secondaries()) == 2


def test_a_killed_primary_has_a_successor_and_comes_back(replica_set: ReplicaSet) -> None:
    """The set goes on without it, and is whole again after its restart."""
    killed = replica_set.kill_primary()
    successor = replica_set.successor_of(killed)
    replica_set.restart(killed)
    replica_set.wait_whole()

    assert killed is not successor
    assert killed.is_running


def test_a_frozen_primary_has_a_successor(replica_set: ReplicaSet) -> None:
    """The set goes on without it, and it follows when it wakes up."""
    frozen = replica_set.freeze_primary()
    successor = replica_set.successor_of(frozen)
    frozen.thaw()
    replica_set.wait_whole()

    assert frozen is not successor


def test_a_primary_hands_over_when_asked_to(replica_set: ReplicaSet) -> None:
    """Twice in a row, each time to another member; the one that went first may come back."""
    first = replica_set.step_down()
    second = replica_set.successor_of(first)
    stepped_down = replica_set.step_down()
    third = replica_set.successor_of(second)
    replica_set.wait_whole()

    assert first is not second
    assert second is stepped_down
    assert second is not third


def test_a_partitioned_primary_is_reached_by_clients_only(replica_set: ReplicaSet) -> None:
    """It takes a write that no other member gets; after the partition that write is rolled back."""
    primary = replica_set.partition_primary()
    with replica_set.look(primary) as client:
        written = client["partition"].get_collection("written", write_concern=WriteConcern(w=1))
        written.insert_one({"_id": "alone"})
        with pytest.raises((WTimeoutError, ConnectionFailure)):
            written.with_options(write_concern=WriteConcern(w=2, wtimeout=500)).insert_one({"_id": "too"})
    successor = replica_set.successor_of(primary)
    replica_set.heal()
    with replica_set.look(primary) as client:
        left = list(client["partition"]["written"].find())

    assert primary is not successor
    assert [] == left


def test_a_member_is_elected_when_told_to_stand(replica_set: ReplicaSet) -> None:
    """A secondary takes over from a primary that is well."""
    before = replica_set.primary()
    chosen = replica_set.secondaries()[0]
    replica_set.step_up(chosen)
    replica_set.wait_whole()

    assert before is not chosen
    assert replica_set.primary() is chosen
