"""The results as JSON: one section for each measurement, with when, where and on which commit it was taken.

A run of some measurements replaces their sections and leaves the others as they are; each says where it is from.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.figures import Figure
from tests.benchmarks.targets import Row

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "performance" / "results.json"

GIB = 2**30
DIGITS = 4
"""Significant digits of a number in the file: more would be noise."""


def written(results: Mapping[str, Any], name: str, section: Section, bench: Bench) -> dict[str, Any]:
    """Give the results with this section in place of the one of this name."""
    found = {
        "taken": taken(bench, section.rounds or bench.effort.runs),
        "rows": [row_json(row) for row in section.rows],
        **({"shown": dict(section.shown)} if section.shown else {}),
    }
    return {**results, name: found}


def row_json(row: Row) -> dict[str, Any]:
    """Write a row, with all that the table needs."""
    ratio = row.ratio
    return {
        "target": row.target.name,
        "what": row.what,
        "driver": row.driver,
        "unit": row.target.unit,
        "ours": figure_json(row.ours),
        "reference_is": row.reference_is,
        "reference": None if row.reference is None else figure_json(row.reference),
        "ratio": None if ratio is None else figure_json(ratio),
        "side": row.target.bound.value,
        "bound": row.bound,
        "met": row.is_met,
    }


def figure_json(figure: Figure) -> dict[str, Any]:
    """Write a figure: the median, and every value."""
    return {"median": rounded(figure.median), "values": [rounded(value) for value in figure.values]}


def rounded(value: float) -> float:
    """Keep the significant digits."""
    return float(f"{value:.{DIGITS}g}")


def taken(bench: Bench, rounds: int) -> dict[str, Any]:
    """Say when, where and how a section was measured."""
    return {
        "commit": commit(),
        "at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "effort": "full" if bench.effort.is_full else "quick",
        "runs": rounds,
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB),
        "python": platform.python_version(),
        "mongod": bench.servers.mongo.server_info()["version"],
        "rabbitmq": bench.servers.rabbitmq.ctl("version").strip(),
    }


def commit() -> str:
    """Name the commit that is measured; a plus sign for what is changed in the tree and not committed."""
    git = ("git", "-C", str(ROOT))
    head = subprocess.run((*git, "rev-parse", "--short", "HEAD"), capture_output=True, text=True, check=True)
    changed = subprocess.run((*git, "diff", "--quiet", "HEAD"), check=False)
    return head.stdout.strip() + ("+" if changed.returncode else "")


def processor() -> str:
    """Name the processor, as Linux does; else its architecture."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except FileNotFoundError:
        found = None
    return found[1] if found else platform.machine()


def load(file: Path) -> dict[str, Any]:
    """Read results; none if there is no file yet."""
    if not file.exists():
        return {}
    results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return results


def save(file: Path, results: Mapping[str, Any]) -> None:
    """Write results."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
