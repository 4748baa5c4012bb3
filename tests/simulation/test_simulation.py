"""
T101: core, intake and relay under one seeded scheduler: whatever goes wrong, every invariant holds.

300 seeds by default. ``WALLET_TEST_SIMULATION_SEEDS=10000`` runs more of them, ``WALLET_TEST_SIMULATION_FIRST_SEED``
begins elsewhere. A seed that fails is told again, and made small, by the command in the failure's message.
"""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random

import pytest

from tests.simulation.choices import Choices
from tests.simulation.database import Isolation
from tests.simulation.faults import Fault
from tests.simulation.simulation import Run, run, run_seed
from tests.simulation.story import MisfortuneKind, draw_story
from wallet_core import DeadLetterReason, OutcomeKind

SEEDS = int(os.environ.get("WALLET_TEST_SIMULATION_SEEDS", "300"))
FIRST_SEED = int(os.environ.get("WALLET_TEST_SIMULATION_FIRST_SEED", "0"))
CALM_SEEDS = 60
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


def test_looking_ahead_decides_as_the_model_does() -> None:
    """One process that decides each batch ahead, and meets no fault, ends every event as the state table says."""
    failures = []
    for seed in range(CALM_SEEDS):
        random = Random(seed)  # noqa: S311 - it must be foreseeable
        story = replace(
            draw_story(seed, random), isolation=Isolation.SNAPSHOT, processes=1, likelihoods={}, misfortunes=()
        )
        assert story.is_calm
        failures += [ended for ended in (run(story, Choices(random)),) if ended.violations]

    assert not failures, str(failures[0])


def test_whatever_can_happen_happens() -> None:
    """In a few dozen seeds every fault strikes, every outcome and every reason comes up: the runs are not idle."""
    legacy = DeadLetterReason.LEGACY_TRANSACTION  # of a deployment that has replaced another wallet service
    everything = {*Fault, *MisfortuneKind, *OutcomeKind, *DeadLetterReason, "lost a race", "store.put_back"} - {legacy}

    seen = "\n".join(str(run_seed(seed)) for seed in range(120))

    assert {str(one) for one in everything if str(one) not in seen} == set()
