"""What it costs when a unit of work writes on several shards: processor time of all shards, for each transfer.

::

    python -m tests.benchmarks.shard_commits       writes its section of docs/scaling/measured.json

No router is there, so this program sends the shards what one would (``tests/sharding.py``): the same statements as the
service, dealt by the shard keys of ``docs/scaling.md``, and the commit on which the shards agree. With one participant
the commit is that of a replica set. ``untargeted`` sends every change of a wallet to every shard, as a router must that
finds no shard key in it.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bson import ObjectId
from pymongo import MongoClient

from adapters.mongo.documents import entry_to_document, record_to_document
from adapters.mongo.fields import id_to
from adapters.mongo.wallet_changes import GuardedUpdate, guarded_updates
from tests.benchmarks.fast_loop import run_fast
from tests.benchmarks.ledger import open_wallets, prepare_database
from tests.benchmarks.measured import US, keep
from tests.benchmarks.program import cpu_s
from tests.benchmarks.transfers import user_id
from tests.scenario import USD
from tests.sharding import Cluster, CrossShardTransactions, Document, sharded_cluster
from wallet_core import Policy, Subject, request_of
from wallet_core.commands import OpenWallet, Request, SetAside
from wallet_core.drafts import Plan, State
from wallet_core.posting import plan
from wallet_core.wallet import Wallet

SECTION = "shard_commits"

SHARDS_MAX = 3

WALLETS = 4_000

TRANSACTIONS = {20: 150, 100: 40, 500: 12}
"""How many transactions of so many transfers are measured: small ones show what a commit costs, large ones the rest."""

ROUNDS = 3

IDLE_S = 10.0
"""How long the servers are watched while they have nothing to do, seconds: they never use nothing."""

MS = 1_000

Statements = list[list[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a transfer cost with so many shards and so many transfers in a transaction."""

    shards: int
    batch: int
    untargeted: bool
    cpu_us: float
    """Processor time of all servers for one transfer, microseconds, without what they use while idle."""
    transaction_ms: float
    """From its first statement to its commit, milliseconds, mean; on one machine all shards share its cores."""


Arrangement = tuple[int, int, bool]
"""Shards, transfers in a transaction, whether untargeted."""


class Books:
    """The books of so many shards: decides about transfers, and deals what is to be written."""

    def __init__(self, shards: int, seed: int) -> None:
        """Begin with funded wallets, as ``open_wallets`` makes them."""
        self._shards = shards
        self._chance = random.Random(seed)  # noqa: S311 - draws a load, guards nothing
        self._policy = Policy(USD, opening_balance_minor=100_000_00)
        users = [OpenWallet(user_id(number)) for number in range(WALLETS)]
        self.wallets: dict[str, Wallet] = {wallet.user_id: wallet for wallet in self._plan(users).wallets_opened}

    def users_of(self, shard: int) -> Iterator[int]:
        """Give the numbers of the users whose wallets are on a shard."""
        return (number for number in range(WALLETS) if self._shard(user_id(number)) == shard)

    def statements(self, count: int, *, untargeted: bool) -> Statements:
        """Draw transfers, and give the statements of one unit of work about them, by shard."""
        requests = [self._draw() for _ in range(count)]
        made = self._plan(requests)
        self.wallets.update((change.wallet.user_id, change.wallet) for change in made.wallets_changed)
        return [self._of_shard(shard, made, untargeted=untargeted) for shard in range(self._shards)]

    def _of_shard(self, shard: int, made: Plan, *, untargeted: bool) -> list[Mapping[str, object]]:
        changes = [one for one in made.wallets_changed if untargeted or self._shard(one.wallet.user_id) == shard]
        mine = [one.wallet for one in changes if self._shard(one.wallet.user_id) == shard]
        records = [record for record in made.records_new if self._shard(record.id) == shard]
        wallet_ids = {wallet.id for wallet in mine}
        entries = [entry for entry in made.entries if entry.wallet_id in wallet_ids]
        statements: list[Mapping[str, object]] = [
            _find("transactions", "_id", [record.id for record in records]),
            _find("wallets", "userId", [wallet.user_id for wallet in mine]),
            {"update": "wallets", "updates": [_update(one) for one in guarded_updates(changes)]},
            {"insert": "transactions", "documents": [record_to_document(record) for record in records]},
            {"insert": "entries", "documents": [entry_to_document(entry) for entry in entries]},
        ]
        if shard == 0:
            row = {"_id": ObjectId(), "createdAt": datetime.now(UTC)}
            row["transactionIds"] = [id_to(record.id) for record in made.records_new]
            statements.append({"insert": "outbox", "documents": [row]})
        return statements

    def _draw(self) -> Request:
        sender, recipient = self._chance.sample(range(WALLETS), 2)
        parties = {"fromUserId": user_id(sender), "toUserId": user_id(recipient)}
        message = {"transactionId": str(ObjectId()), "type": "Transfer", **parties, "amount": 1}
        request = request_of(Subject.COMPLETED, message, USD)
        assert not isinstance(request, SetAside), request.detail
        return request

    def _plan(self, requests: Sequence[Request]) -> Plan:
        now = datetime.now(UTC)
        wallets = getattr(self, "wallets", {})
        return plan(requests, State(wallets, {}), self._policy, now.replace(microsecond=now.microsecond // MS * MS))

    def _shard(self, id_: str) -> int:
        return int(id_, 16) % self._shards


def measure(cluster: Cluster, arrangement: Arrangement, idle_share: float) -> Cost:
    """Post transfers on so many of the shards, and say what each cost."""
    shards, batch, untargeted = arrangement
    database = f"bank_{ObjectId()}"
    used = Cluster(cluster.config, cluster.shards[:shards])
    books = Books(shards, seed=shards)
    for number, shard in enumerate(used.shards):
        run_fast(prepare_database(shard.url(database)))
        with MongoClient[Document](shard.url()) as client:
            open_wallets(client[database], books.users_of(number))
    loads = [books.statements(batch, untargeted=untargeted) for _ in range(TRANSACTIONS[batch] + 1)]
    with closing(CrossShardTransactions(used, database)) as transactions:
        transactions.run(loads[0])  # the first one opens connections between the servers
        used_s, took_s = _clocked(cluster, lambda: _run_all(transactions, loads[1:]))
    _check(used, database, batch * len(loads))
    for shard in used.shards:
        with MongoClient[Document](shard.url()) as client:
            client.drop_database(database)
    transactions_run = TRANSACTIONS[batch]
    cpu_us = US * (used_s - idle_share * took_s) / (batch * transactions_run)
    cost = Cost(shards, batch, untargeted, cpu_us, MS * took_s / transactions_run)
    sys.stderr.write(f"{cost}\n")
    return cost


def medians(costs: Sequence[Cost]) -> Cost:
    """Give the medians of one arrangement."""
    cpu_us, transaction_ms = (median(getattr(cost, name) for cost in costs) for name in ("cpu_us", "transaction_ms"))
    return replace(costs[0], cpu_us=cpu_us, transaction_ms=transaction_ms)


def _check(cluster: Cluster, database: str, transfers: int) -> None:
    """See that every transfer is there, with both entries."""
    counts = {"transactions": 0, "entries": 0}
    for shard in cluster.shards:
        with MongoClient[Document](shard.url()) as client:
            for name in counts:
                counts[name] += client[database][name].count_documents({})
    assert counts == {"transactions": WALLETS + transfers, "entries": WALLETS + 2 * transfers}, counts


def _run_all(transactions: CrossShardTransactions, loads: Sequence[Statements]) -> None:
    for statements in loads:
        transactions.run(statements)


def _clocked(cluster: Cluster, work: Callable[[], object]) -> tuple[float, float]:
    """Give the processor time of the shards, and the time that passed."""
    before_s, began_s = _cpu_s(cluster), time.perf_counter()
    work()
    return _cpu_s(cluster) - before_s, time.perf_counter() - began_s


def _cpu_s(cluster: Cluster) -> float:
    return sum(cpu_s(server.pid) for server in (cluster.config, *cluster.shards))


def _find(collection: str, field: str, ids: Sequence[str]) -> Document:
    return {"find": collection, "filter": {field: {"$in": list(map(id_to, ids))}}, "batchSize": len(ids) + 1}


def _update(update: GuardedUpdate) -> Document:
    return {"q": update.query, "u": update.pipeline, "upsert": False, "multi": True}


def main() -> None:
    """Measure, and print what was found as JSON."""
    with (
        tempfile.TemporaryDirectory(prefix="wallet-shards-") as folder,
        sharded_cluster(Path(folder), SHARDS_MAX) as cluster,
    ):
        idle_s, watched_s = _clocked(cluster, lambda: time.sleep(IDLE_S))
        arrangements = [
            (shards, batch, untargeted)
            for batch in TRANSACTIONS
            for shards in range(1, SHARDS_MAX + 1)
            for untargeted in (False, True)
            if shards > 1 or not untargeted
        ]
        rounds = [
            {one: measure(cluster, one, idle_s / watched_s) for one in arrangements[turn:] + arrangements[:turn]}
            for turn in range(ROUNDS)
        ]
    costs = [medians([found[one] for found in rounds]) for one in arrangements]
    keep(SECTION, {"rounds": ROUNDS, "idle_share": idle_s / watched_s, "costs": [asdict(cost) for cost in costs]})


if __name__ == "__main__":
    main()
