"""Tell one seed again: its story, everything that happened, and what was wrong.

::

    python -m tests.simulation 4711                               the same run, to the byte
    python -m tests.simulation 4711 --shrink                      the smallest story that fails in the same way
    python -m tests.simulation 76 --bug "no revision check"       with a bug planted (see planted.py)

Exit code: 1 if an invariant was violated, 0 if all held.
"""

from __future__ import annotations

import argparse
import sys

from tests.simulation.planted import BUGS
from tests.simulation.shrinking import Shrinking
from tests.simulation.simulation import GOOD, run_seed


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Tell one seed again.")
    parser.add_argument("seed", type=int)
    parser.add_argument("--shrink", action="store_true", help="look for the smallest story that fails in the same way")
    parser.add_argument("--bug", choices=sorted(BUGS), help="plant a bug first")
    arguments = parser.parse_args()
    parts = BUGS[arguments.bug] if arguments.bug else GOOD
    told = run_seed(arguments.seed, parts)
    if arguments.shrink and told.violations:
        told = Shrinking(told, parts).shrink()
    sys.stdout.write(f"{told}\n")
    return 1 if told.violations else 0


if __name__ == "__main__":
    sys.exit(main())
