"""Run all fault tests, two at a time, and write what was injected and what held.

::

    python -m tests.faults --report docs/reliability/faults.json

Most of a fault test is waiting, so two runs of pytest share the work: every second file each, on servers of their own.
Bounds: those of the tests. Exit code 1 when anything failed; the report says what.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]

RUNS = 2
"""Runs of pytest at a time: as many as a small machine has cores."""


def main() -> None:
    """Run them, merge the reports, and exit as pytest does."""
    parser = argparse.ArgumentParser(description="Run every fault test.")
    parser.add_argument("--report", type=Path, required=True, help="where the result goes, as JSON")
    report: Path = parser.parse_args().report
    files = sorted(str(path.relative_to(ROOT)) for path in FOLDER.glob("test_*.py"))
    with tempfile.TemporaryDirectory(prefix="wallet-faults-") as temporary:
        parts = [Path(temporary) / f"{index}.json" for index in range(RUNS)]
        runs = [start(files[index::RUNS], part) for index, part in enumerate(parts)]
        codes = [run.wait() for run in runs]
        rows = [row for part in parts if part.exists() for row in json.loads(part.read_text(encoding="utf-8"))]
    report.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    sys.exit(max(codes))


def start(files: list[str], report: Path) -> subprocess.Popen[bytes]:
    """Start pytest on these files."""
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, f"--fault-report={report}")
    return subprocess.Popen(command, cwd=ROOT)


if __name__ == "__main__":
    main()
