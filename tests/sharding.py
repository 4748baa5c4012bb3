"""A sharded cluster without a router: a config server and shards, told what a router would tell them.

The mongod that the tests have comes without mongos. What a router sends can be sent by anybody: which collection is
sharded by which key, which the shards check against its indexes, and the statements and the commit of a transaction
that writes on several shards. What a router does by itself, choosing the shards of a statement, is not here.

The protocol is MongoDB's OP_MSG, for no driver sends one session's transaction to two servers. Bounds: loopback only,
one member for each shard; every wait has a limit.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from uuid import uuid4

import bson
from bson import Binary, Int64
from pymongo import MongoClient

from adapters.embedded import Mongod
from adapters.embedded.free_port import LOOPBACK

Document = dict[str, object]

PRIMARY_S_MAX = 60.0
ANSWER_S_MAX = 60.0
"""Longest waits for a server to take writes, and for one of its answers, seconds."""

MAJORITY: Mapping[str, object] = {"w": "majority", "j": True}

OP_MSG = 2013
"""The one message there is since MongoDB 5.1 (mongodb.com/docs/manual/reference/mongodb-wire-protocol)."""


class CommandFailed(Exception):
    """A server has refused a command; ``code`` is that of its error_codes.yml."""

    def __init__(self, reply: Mapping[str, object]) -> None:
        """Keep what it said."""
        super().__init__(str(reply.get("errmsg") or reply))
        self.code = reply.get("code")


class Wire:
    """A connection to one server: commands go out, replies come back in their order."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._socket = socket.create_connection((LOOPBACK, port), timeout=ANSWER_S_MAX)
        self._stream = self._socket.makefile("rb")

    def send(self, command: Mapping[str, object]) -> None:
        """Send a command and wait for nothing."""
        body = struct.pack("<IB", 0, 0) + bson.encode(command)
        self._socket.sendall(struct.pack("<iiii", 16 + len(body), 0, 0, OP_MSG) + body)

    def receive(self) -> Document:
        """Read the next reply. Raises CommandFailed."""
        (length,) = struct.unpack("<i", self._stream.read(4))
        reply: Document = bson.decode(self._stream.read(length - 4)[17:])
        if not reply.get("ok") or reply.get("writeErrors"):
            raise CommandFailed(reply)
        return reply

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A config server and its shards."""

    config: Mongod
    shards: Sequence[Mongod]

    def add_database(self, name: str) -> None:
        """Put a database on the first shard."""
        with _client(self.config) as client:
            command = {"_configsvrCreateDatabase": name, "primaryShardId": self.shards[0].replica_set}
            client.admin.command({**command, "writeConcern": MAJORITY})

    def shard_collection(self, database: str, collection: str, key: Mapping[str, object]) -> None:
        """Shard a collection, as ``sh.shardCollection`` does. Raises OperationFailure when its indexes forbid it."""
        with _client(self.config) as config, _client(self.shards[0]) as primary:
            (found,) = config["config"]["databases"].find({"_id": database})
            command = {"_shardsvrCreateCollection": collection, "shardKey": key, "unique": False}
            primary[database].command({**command, "databaseVersion": found["version"], "writeConcern": MAJORITY})

    def chunks(self, database: str, collection: str) -> list[str]:
        """Give the shard of each chunk of a sharded collection."""
        with _client(self.config) as client:
            (found,) = client["config"]["collections"].find({"_id": f"{database}.{collection}"})
            return [str(chunk["shard"]) for chunk in client["config"]["chunks"].find({"uuid": found["uuid"]})]


class CrossShardTransactions:
    """Runs transactions over several shards, one after the other, as a router does."""

    def __init__(self, cluster: Cluster, database: str) -> None:
        """Connect to every shard."""
        self._wires = [Wire(shard.port) for shard in cluster.shards]
        self._names = [shard.replica_set for shard in cluster.shards]
        self._database = database
        self._session = {"id": Binary(uuid4().bytes, 4)}
        self._numbers = count(1)

    def run(self, statements: Sequence[Sequence[Mapping[str, object]]]) -> None:
        """
        Run each shard's statements in one transaction, and commit it.

        A shard without statements takes no part; with one participant there is nothing to agree on. Raises
        CommandFailed for the first statement that was refused; then nothing of the transaction stays.
        """
        transaction: Document = {"lsid": self._session, "txnNumber": Int64(next(self._numbers)), "autocommit": False}
        participants = [shard for shard, commands in enumerate(statements) if commands]
        for position in range(max(map(len, statements))):
            commands = {}
            for shard in [shard for shard in participants if position < len(statements[shard])]:
                first = _beginning(is_coordinator=shard == participants[0]) if position == 0 else {}
                commands[shard] = {**statements[shard][position], **transaction, **first, "$db": self._database}
            try:
                self._ask(commands)
            except CommandFailed:
                self._abort(participants, transaction)
                raise
        self._ask({participants[0]: {**self._commit(participants), **transaction, "$db": "admin"}})

    def _ask(self, commands: Mapping[int, Document]) -> None:
        """Send each shard its command, then read all replies. Raises CommandFailed, the first there was."""
        for shard, command in commands.items():
            self._wires[shard].send(command)
        refusals = []
        for shard in commands:
            try:
                self._wires[shard].receive()
            except CommandFailed as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]

    def _abort(self, participants: Sequence[int], transaction: Document) -> None:
        for shard in participants:
            with suppress(CommandFailed):  # the shard that refused has aborted its part already
                self._ask({shard: {"abortTransaction": 1, **transaction, "$db": "admin"}})

    def _commit(self, participants: Sequence[int]) -> Document:
        if len(participants) == 1:
            return {"commitTransaction": 1, "writeConcern": MAJORITY}
        names = [{"shardId": self._names[shard]} for shard in participants]
        return {"coordinateCommitTransaction": 1, "participants": names, "writeConcern": MAJORITY}

    def close(self) -> None:
        """Hang up."""
        for wire in self._wires:
            wire.close()


@contextmanager
def sharded_cluster(folder: Path, shards: int) -> Iterator[Cluster]:
    """Start a config server and so many shards of one member, and stop them."""
    with ExitStack() as stack:
        config = Mongod(folder / "config", replica_set="config", extra_args=("--configsvr",))
        _start(stack, config, {"configsvr": True})
        servers = [Mongod(folder / name, replica_set=name, extra_args=("--shardsvr",)) for name in _names(shards)]
        for server in servers:
            _start(stack, server, {})
            with _client(config) as client:
                address = f"{server.replica_set}/{LOOPBACK}:{server.port}"
                add = {"_configsvrAddShard": address, "name": server.replica_set, "writeConcern": MAJORITY}
                client.admin.command(add)
        yield Cluster(config, servers)


def _names(shards: int) -> list[str]:
    return [f"shard{number}" for number in range(shards)]


def _start(stack: ExitStack, server: Mongod, properties: Mapping[str, object]) -> None:
    """Start a server as the only member of its set."""
    stack.callback(server.stop)
    server.launch()
    member = {"_id": 0, "host": f"{LOOPBACK}:{server.port}"}
    with _client(server) as client:
        client.admin.command({"replSetInitiate": {"_id": server.replica_set, "members": [member], **properties}})
        deadline_s = time.monotonic() + PRIMARY_S_MAX
        while not client.admin.command("hello").get("isWritablePrimary"):
            assert time.monotonic() < deadline_s, f"{server.replica_set} has no primary"
            time.sleep(0.02)


def _beginning(*, is_coordinator: bool) -> Document:
    coordinator: Document = {"coordinator": True} if is_coordinator else {}
    return {"startTransaction": True, "readConcern": {"level": "snapshot"}, **coordinator}


def _client(server: Mongod) -> MongoClient[Document]:
    return MongoClient[Document](LOOPBACK, server.port, directConnection=True)
