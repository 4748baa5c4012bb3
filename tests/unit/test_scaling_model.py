"""The model behind ``docs/scaling.md``: its parts are found again, and more load never takes less."""

from __future__ import annotations

from dataclasses import astuple, replace
from itertools import pairwise

import pytest

from tests.benchmarks.scaling_model import (
    BATCHES,
    CORES_OF_A_MACHINE,
    MEETINGS_MAX,
    USED_MAX,
    Commit,
    CommitCost,
    Load,
    Measured,
    fitted,
    meetings,
    plan,
)

COST = CommitCost(transfer_us=40.0, unit_us=2_000.0, participant_us=600.0, untargeted_us=25.0)

ARRANGEMENTS = [(shards, batch) for batch in (20, 100, 500) for shards in (1, 2, 3)]

MEASURED = Measured(
    wallet_us=200.0,
    wallet_unit_us=5_000.0,
    mongod_us=250.0,
    rabbitmq_us=100.0,
    batch=500.0,
    relay_per_s=5_000.0,
    commit=COST,
    transfer_disk_bytes=1_000.0,
    oplog_bytes=2_000.0,
    wallet_disk_bytes=300.0,
)


def measured_commits(*, untargeted: bool) -> list[Commit]:
    """Measure without any noise."""
    return [
        Commit(shards, batch, COST.cpu_us(batch, shards, untargeted=untargeted))
        for shards, batch in ARRANGEMENTS
        if shards > 1 or not untargeted
    ]


def test_the_parts_of_a_cost_are_found_again() -> None:
    """What was put together from its parts is taken apart into them."""
    found = fitted(measured_commits(untargeted=False), measured_commits(untargeted=True))

    assert astuple(COST) == pytest.approx(astuple(found))


def test_parts_that_cannot_be_told_apart_are_refused() -> None:
    """One arrangement says nothing about what a shard more or a larger batch costs."""
    with pytest.raises(ValueError, match="do not tell the parts"):
        fitted([Commit(1, 500, 50.0)] * 3, [])


def test_more_of_anything_never_takes_fewer_machines() -> None:
    """Ten times the load takes at least as much of everything, and more than nothing."""
    plans = [plan(Load(rate, 100_000_000), MEASURED) for rate in (1_000, 10_000, 100_000)]

    for small, large in pairwise(plans):
        assert small.processes < large.processes
        assert small.shards <= large.shards
        assert small.brokers <= large.brokers
        assert small.relays < large.relays
    assert all(one.shards >= 1 and one.brokers >= 1 for one in plans)


def test_the_shards_carry_the_load_and_one_less_would_not() -> None:
    """The number of shards is the least whose cores are used no more than they may be."""
    load = Load(100_000, 100_000_000)
    found = plan(load, MEASURED)

    def cores_used(shards: int) -> float:
        cpu_us = MEASURED.mongod_us - COST.cpu_us(MEASURED.batch, 1) + COST.cpu_us(found.batch, shards)
        return load.transfers_per_s * cpu_us * (1 + found.meetings / 2) / 1e6

    assert cores_used(found.shards) <= found.shards * CORES_OF_A_MACHINE * USED_MAX
    assert cores_used(found.shards - 1) > (found.shards - 1) * CORES_OF_A_MACHINE * USED_MAX


def test_changes_that_go_to_all_shards_need_more_of_them() -> None:
    """And where each further shard costs more than it carries, no number of them would do."""
    load = Load(100_000, 100_000_000)
    hopeless = replace(MEASURED, commit=replace(COST, untargeted_us=CORES_OF_A_MACHINE * USED_MAX * 10 + 1))

    usual = plan(load, MEASURED)

    assert usual.shards_untargeted is not None
    assert usual.shards_untargeted > usual.shards
    assert plan(load, hopeless).shards_untargeted is None


def test_a_load_beyond_all_machines_is_refused() -> None:
    """A number of shards that nobody has is no plan."""
    with pytest.raises(ValueError, match="needs more than"):
        plan(Load(10**9, 10**9), MEASURED)


def test_units_of_work_meet_on_few_wallets() -> None:
    """Alone none meets another; two on few wallets always meet; with more wallets, or smaller ones, fewer do."""
    assert 0 == meetings(1, 500, 1_000)
    assert pytest.approx(1.0, rel=0.01) == meetings(2, 500, 1_000)
    assert meetings(2, 500, 100_000_000) < 0.02
    assert meetings(40, 500, 1_000_000) > meetings(40, 50, 1_000_000)


def test_the_batch_shrinks_until_few_meet() -> None:
    """Many processes on few wallets take smaller batches; the smallest one if nothing helps."""
    many_wallets, few_wallets = (plan(Load(100_000, wallets), MEASURED) for wallets in (10**9, 10**6))

    assert BATCHES[0] == many_wallets.batch
    assert few_wallets.batch < many_wallets.batch
    assert few_wallets.processes > many_wallets.processes
    assert few_wallets.meetings <= MEETINGS_MAX
    assert BATCHES[-1] == plan(Load(5_000, 1_000), MEASURED).batch
