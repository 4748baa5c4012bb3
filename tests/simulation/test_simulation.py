"""
T101: core, intake and relay under one seeded scheduler: whatever goes wrong, every invariant holds.

300 seeds by default. ``WALLET_TEST_SIMULATION_SEEDS=10000`` runs more of them, ``WALLET_TEST_SIMULATION_FIRST_SEED``
begins elsewhere. A seed that fails is told again, and made small, by the command in the failure's message.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.faults import Fault
from tests.simulation.simulation import Run, run_seed
from tests.simulation.story import MisfortuneKind
from wallet_core import DeadLetterReason, OutcomeKind

SEEDS = int(os.environ.get("WALLET_TEST_SIMULATION_SEEDS", "300"))
FIRST_SEED = int(os.environ.get("WALLET_TEST_SIMULATION_FIRST_SEED", "0"))
BLOCK = 50
"""Seeds of one test: some seconds on a busy machine."""


def told(failures: list[Run]) -> str:
    """Say what failed and what to type."""
    lines = [f"{run.violations[0]}\n    python -m tests.simulation {run.story.seed} --shrink" for run in failures]
    return "\n".join([f"{len(failures)} seed(s) violate an invariant", *lines])


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + SEEDS, BLOCK))
def test_every_invariant_holds(first: int) -> None:
    """Nothing is lost, made or moved twice, every answer is right in the end, and all heals by itself."""
    seeds = range(first, min(first + BLOCK, FIRST_SEED + SEEDS))

    failures = [run for run in map(run_seed, seeds) if run.violations]

    assert not failures, told(failures)


def test_whatever_can_happen_happens() -> None:
    """In a few dozen seeds every fault strikes, every outcome and every reason comes up: the runs are not idle."""
    legacy = DeadLetterReason.LEGACY_TRANSACTION  # of a deployment that has replaced another wallet service
    everything = {*Fault, *MisfortuneKind, *OutcomeKind, *DeadLetterReason, "lost a race", "store.put_back"} - {legacy}

    seen = "\n".join(str(run_seed(seed)) for seed in range(120))

    assert {str(one) for one in everything if str(one) not in seen} == set()
