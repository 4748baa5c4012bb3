"""A seed tells the same story every time: in this process, in another one, by the command, and from its choices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.simulation.choices import Choices
from tests.simulation.simulation import run, run_seed

ROOT = Path(__file__).parents[2]
SEEDS = (1, 5, 8, 24)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_gives_the_same_run(seed: int) -> None:
    """Two runs of a seed are equal to the byte: story, trace, choices and verdict."""
    assert str(run_seed(seed)) == str(run_seed(seed))


def test_other_seeds_give_other_runs() -> None:
    """Every seed has a story of its own."""
    assert len({run_seed(seed).trace for seed in range(20)}) == 20


@pytest.mark.parametrize("hash_seed", ["0", "1", "2718"])
def test_the_command_tells_the_same(hash_seed: str) -> None:
    """One command tells the run of a seed again, to the byte, whatever the interpreter's hash seed is."""
    command = [sys.executable, "-m", "tests.simulation", "24"]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}

    ended = subprocess.run(command, check=False, capture_output=True, cwd=ROOT, env=environment, timeout=60)

    assert f"{run_seed(24)}\n".encode() == ended.stdout
    assert (0, b"") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_story_with_its_choices_is_the_run(seed: int) -> None:
    """What was drawn and chosen is all that a run depends on."""
    first = run_seed(seed)

    again = run(first.story, Choices(Random(99), first.script))  # noqa: S311 - nothing is drawn from it

    assert str(first) == str(again)


def test_tame_choices_make_a_calm_run() -> None:
    """With an empty script nothing goes wrong by chance, and everything is done as soon as nobody sends any more."""
    story = run_seed(3).story

    calm = run(story, Choices(Random(0), {}))  # noqa: S311 - nothing is drawn from it

    assert ((), ()) == (calm.violations, calm.faults_at)
