"""Remove each safety line in turn, and see that the tests that guard it turn red (T105).

::

    python -m tests.mutants              every mutant; prints the table, exit 1 if one survives
    python -m tests.mutants lease ack    those whose line has one of these words

Each mutant is planted in a copy of the tree. First the tests of all mutants run on the copy as it is: a test that is
red already guards nothing. Bounds: every run of the tests has a limit, and stops at the first that fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]

COPIED = ("adapters", "entrypoints", "wallet_core", "tests", "docs", "pyproject.toml", "README.md")

RUN_S_MAX = 180.0
"""Longest run of one mutant's tests, seconds: a mutant that hangs is a mutant that was noticed."""

SOUND_S_MAX = 900.0
"""Longest run of all these tests on the sound tree, seconds."""


def main() -> None:
    """Run the mutants that the command line names, or all of them."""
    words = sys.argv[1:]
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.line for word in words)]
    with tempfile.TemporaryDirectory(prefix="wallet-mutants-") as folder:
        sound = copied(Path(folder) / "sound")
        code, output = run(sound, sorted({test for mutant in chosen for test in mutant.tests}), SOUND_S_MAX)
        if code != 0:
            sys.exit(f"These tests are red without any mutant:\n{output}")
        survivors = [mutant.line for mutant in chosen if not noticed(mutant, Path(folder) / "mutant")]
    if survivors:
        sys.exit(f"\n{len(survivors)} of {len(chosen)} safety lines may be removed unnoticed: {', '.join(survivors)}")
    say(f"{len(chosen)} safety lines, each noticed when it is removed")


def noticed(mutant: Mutant, root: Path) -> bool:
    """Plant the mutant, run its tests, and print the line of the table."""
    tree = copied(root)
    mutant.plant(tree)
    code, output = run(tree, mutant.tests, RUN_S_MAX)
    red = next((line.split(" ")[1] for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
    say(f"{'red     ' if code else 'SURVIVED'}  {mutant.line:<42} {red}")
    return code != 0


def copied(root: Path) -> Path:
    """Give a fresh copy of the tree."""
    shutil.rmtree(root, ignore_errors=True)
    for name in COPIED:
        source, target = ROOT / name, root / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return root


def run(tree: Path, tests: list[str] | tuple[str, ...], timeout_s: float) -> tuple[int, str]:
    """Run tests in a tree; give pytest's exit code and output. One that takes too long counts as failed."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests)
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, f"FAILED {tests[0]} (not within {timeout_s} s)"
    return done.returncode, done.stdout + done.stderr


def say(line: str) -> None:
    """Print a line of the table at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
