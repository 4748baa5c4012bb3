"""What happens at a step: it is written down, and then the process dies or stands still, where it was told to."""

import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from entrypoints.fault_injection import FaultInjection, NoFaults, fault_injection
from entrypoints.fault_point import BlockPoint
from entrypoints.settings import load_settings

DIES_AT_THE_SECOND_COMMIT = """
import sys
from pathlib import Path
from entrypoints.fault_injection import FaultInjection
from entrypoints.fault_point import CrashPoint
steps = FaultInjection(CrashPoint("committed", 2), None, Path(sys.argv[1]))
for number in range(1, 4):
    steps.reached("taken", [], "")
    steps.reached("committed", [f"t{number}"], "")
"""


def lines(file: Path) -> list[dict[str, object]]:
    """Read a history."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_process_dies_at_its_crash_point(tmp_path: Path) -> None:
    """It ends by SIGKILL when it reaches the step for the n-th time, and the history holds all up to that."""
    file = tmp_path / "steps.jsonl"

    ended = subprocess.run(
        [sys.executable, "-c", DIES_AT_THE_SECOND_COMMIT, str(file)],
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )

    assert -9 == ended.returncode
    assert ["taken", "committed", "taken", "committed"] == [line["step"] for line in lines(file)]
    assert [[], ["t1"], [], ["t2"]] == [line["ids"] for line in lines(file)]


def test_line_of_the_history(tmp_path: Path) -> None:
    """A line says when, which process, which step, with which ids and about what; events without an id are left out."""
    file = tmp_path / "steps.jsonl"
    before_s = time.monotonic()

    FaultInjection(None, None, file).reached("parked", ["t1", None, "t1"], "wallet.dead-letter.q")

    (line,) = lines(file)
    assert ["t1", "t1"] == line["ids"]
    assert ("parked", "wallet.dead-letter.q", os.getpid()) == (line["step"], line["about"], line["pid"])
    assert before_s <= float(str(line["monotonic_s"])) <= time.monotonic()
    assert datetime.fromisoformat(str(line["at"])).tzinfo is not None


def test_history_is_appended_to(tmp_path: Path) -> None:
    """Several processes, one after the other or at once, write into one file."""
    file = tmp_path / "steps.jsonl"
    first, second = FaultInjection(None, None, file), FaultInjection(None, None, file)

    first.reached("taken", [], "")
    second.reached("committed", [], "")
    first.reached("acked", [], "")

    assert ["taken", "committed", "acked"] == [line["step"] for line in lines(file)]


def test_process_stands_still_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its block point it sleeps where it is, the event loop with it; the second time it goes on."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    steps = FaultInjection(None, BlockPoint("committed", 15), None)

    for step in ("taken", "committed", "committed"):
        steps.reached(step, [], "")

    assert [15] == slept


def test_without_faults_nobody_reads_the_ids() -> None:
    """A process of production spends nothing on what would be written down."""
    ids = iter(["t1"])

    fault_injection(load_settings({})).reached("committed", ids, "")

    assert "t1" == next(ids)
    assert isinstance(fault_injection(load_settings({})), NoFaults)
    assert isinstance(fault_injection(load_settings({"WALLET_FAULT_INJECTION": "on"})), FaultInjection)
