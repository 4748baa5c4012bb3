"""How many machines a load takes: pure functions of what was measured (``docs/scaling/measured.json``).

::

    processor time of a transfer in the database = a + (f + c x shards) / transfers in a unit of work
                                                   ^    ^   ^ each shard that takes part in its commit
                                                   |    the unit of work itself
                                                   the transfer itself

``a``, ``f`` and ``c`` are fitted to the transactions of ``shard_commits.py``; the rest is taken as measured. From here
on it is arithmetic: cores = rate x processor time / what of a core may be used.

Assumed, not measured: that a core of the machines is as fast as one here; that mongod and RabbitMQ use all the cores
they have; that users and transfers are spread evenly. Every assumption with a number is a constant below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CORES_OF_A_MACHINE = 16

USED_MAX = 0.5
"""Part of a core that a load may take: the other half is for bursts, a member that is away, and catching up."""

DISK_TB_OF_A_MACHINE = 8

MEMBERS_OF_A_SHARD = 3
"""Machines of a shard: with one of them gone, the others are still a majority."""

BROKERS_MIN = 3
"""Nodes of a RabbitMQ cluster: the same."""

REPLICAS_OF_A_QUEUE = 3
"""Nodes that do a message's work, where the operator's queues are quorum queues. Not measured: one node was."""

MEETINGS_MAX = 0.2
"""Units of work that one may meet on average, each time one of the two waits for the other and runs again."""

BATCHES = (500, 200, 100, 50, 20, 10)
"""Values of WALLET_BATCH_MAX that are looked at, the largest first: with it ``partitions.py`` has measured."""

SHARDS_MAX = 100
"""More than that is no plan; a load that needs more has none."""

LEGS = 2
"""Wallets of a transfer."""

US = 1_000_000
DAY_S = 86_400
TB = 10**12
GB = 10**9


@dataclass(frozen=True, slots=True)
class Commit:
    """One measured arrangement of ``shard_commits.py``."""

    shards: int
    batch: int
    cpu_us: float


@dataclass(frozen=True, slots=True)
class CommitCost:
    """
    Processor time of the database, microseconds.

    ``transfer_us`` for each transfer, ``unit_us`` for each unit of work, ``participant_us`` for each shard that takes
    part in the commit of one, when there are several; ``untargeted_us`` for each transfer on every further shard, as
    long as changes of wallets go to all shards.
    """

    transfer_us: float
    unit_us: float
    participant_us: float
    untargeted_us: float

    def cpu_us(self, batch: float, shards: int, *, untargeted: bool = False) -> float:
        """Give what a transfer costs in units of work of ``batch``, on so many shards."""
        participants = min(shards, LEGS * batch) if shards > 1 else 0
        lookups_us = self.untargeted_us * (shards - 1) if untargeted else 0.0
        return self.transfer_us + (self.unit_us + self.participant_us * participants) / batch + lookups_us


@dataclass(frozen=True, slots=True)
class Measured:
    """
    What was measured.

    Microseconds of processor time are for one transfer in units of work of ``batch``, but ``wallet_unit_us`` for one of
    these units in the service; bytes are for one transfer or one wallet.
    """

    wallet_us: float
    wallet_unit_us: float
    mongod_us: float
    rabbitmq_us: float
    batch: float
    relay_per_s: float
    commit: CommitCost
    transfer_disk_bytes: float
    oplog_bytes: float
    wallet_disk_bytes: float


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for."""

    transfers_per_s: float
    wallets: int


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What it takes.

    ``meetings`` are those of a unit of work on average. Disk is that of one copy, and ``disk_days`` how long the shards
    have room for it at this rate.
    """

    processes: int
    partitions: int
    batch: int
    meetings: float
    relays: int
    shards: int
    shards_untargeted: int | None
    mongod_machines: int
    brokers: int
    disk_tb_per_day: float
    disk_days: float
    wallets_gb: float
    replication_mb_per_s: float


def fitted(commits: Sequence[Commit], untargeted: Sequence[Commit]) -> CommitCost:
    """
    Fit the cost of a commit to the measured ones, by least squares; no part of it is less than nothing.

    ``untargeted`` are the same arrangements with every change of a wallet sent to all shards. Raises ValueError when
    the arrangements do not tell the parts from one another.
    """
    rows = [(1.0, 1 / one.batch, (one.shards if one.shards > 1 else 0) / one.batch) for one in commits]
    transfer_us, unit_us, participant_us = _least_squares(rows, [one.cpu_us for one in commits])
    targeted = {(one.shards, one.batch): one.cpu_us for one in commits}
    lookups = [(one.cpu_us - targeted[one.shards, one.batch]) / (one.shards - 1) for one in untargeted]
    return CommitCost(transfer_us, max(unit_us, 0.0), max(participant_us, 0.0), max(sum(lookups) / len(lookups), 0.0))


def meetings(processes: int, batch: int, wallets: int) -> float:
    """
    Say with how many others, which are under way at once, a unit of work has a wallet in common.

    Of so many draws each, ``(legs x batch)^2 / wallets`` are expected to be the same wallet. That all processes are
    always at work, and that no key keeps them apart, is the worst there is.
    """
    shared = (LEGS * batch) ** 2 / wallets
    return (processes - 1) * -math.expm1(-shared)


def plan(load: Load, measured: Measured) -> Plan:
    """Say what a load takes. Raises ValueError when no number of shards would do."""
    few_meet = (one for one in BATCHES if meetings(_processes(load, measured, one), one, load.wallets) <= MEETINGS_MAX)
    batch = next(few_meet, BATCHES[-1])
    processes = _processes(load, measured, batch)
    again = 1 + meetings(processes, batch, load.wallets) / 2
    shards = _shards(load, measured, batch, again, untargeted=False)
    if shards is None:
        raise ValueError(f"{load} needs more than {SHARDS_MAX} shards")
    disk_tb_per_day = load.transfers_per_s * measured.transfer_disk_bytes * DAY_S / TB
    broker_cores = load.transfers_per_s * measured.rabbitmq_us * REPLICAS_OF_A_QUEUE / US / USED_MAX
    return Plan(
        processes=processes,
        partitions=processes if processes > 1 else 0,
        batch=batch,
        meetings=meetings(processes, batch, load.wallets),
        relays=math.ceil(load.transfers_per_s / (measured.relay_per_s * USED_MAX)),
        shards=shards,
        shards_untargeted=_shards(load, measured, batch, again, untargeted=True),
        mongod_machines=shards * MEMBERS_OF_A_SHARD,
        brokers=max(BROKERS_MIN, math.ceil(broker_cores / CORES_OF_A_MACHINE)),
        disk_tb_per_day=disk_tb_per_day,
        disk_days=shards * DISK_TB_OF_A_MACHINE / disk_tb_per_day,
        wallets_gb=load.wallets * measured.wallet_disk_bytes / GB,
        replication_mb_per_s=load.transfers_per_s * measured.oplog_bytes / 10**6,
    )


def _processes(load: Load, measured: Measured, batch: int) -> int:
    """Give the number of processes, each of which uses one core."""
    cpu_us = measured.wallet_us + measured.wallet_unit_us * (1 / batch - 1 / measured.batch)
    return math.ceil(load.transfers_per_s * cpu_us / US / USED_MAX)


def _shards(load: Load, measured: Measured, batch: int, again: float, *, untargeted: bool) -> int | None:
    """Give the least number of shards that carries the load, each unit run ``again`` times; None if none does."""
    for shards in range(1, SHARDS_MAX + 1):
        base_us = measured.mongod_us - measured.commit.cpu_us(measured.batch, 1)
        cpu_us = (base_us + measured.commit.cpu_us(batch, shards, untargeted=untargeted)) * again
        if load.transfers_per_s * cpu_us / US <= shards * CORES_OF_A_MACHINE * USED_MAX:
            return shards
    return None


def _least_squares(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """Solve the normal equations by elimination. Raises ValueError when they have no single solution."""
    size = len(rows[0])
    matrix = [
        [sum(row[i] * row[j] for row in rows) for j in range(size)]
        + [sum(row[i] * value for row, value in zip(rows, values, strict=True))]
        for i in range(size)
    ]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(matrix[row][column]))
        if abs(matrix[pivot][column]) < SINGULAR:
            raise ValueError("the measured arrangements do not tell the parts of the cost from one another")
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        for row in range(size):
            if row != column:
                factor = matrix[row][column] / matrix[column][column]
                matrix[row] = [one - factor * other for one, other in zip(matrix[row], matrix[column], strict=True)]
    return [matrix[i][size] / matrix[i][i] for i in range(size)]


SINGULAR = 1e-12
"""A pivot below this is none: the entries are counts and their reciprocals."""
