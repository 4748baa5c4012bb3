"""What was measured for ``docs/scaling.md``, as JSON: one section for each measurement, with when and where."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.results import commit, load, processor, save

FILE = Path(__file__).parents[2] / "docs" / "scaling" / "measured.json"

US = 1_000_000
"""Microseconds of a second."""


def keep(section: str, found: Mapping[str, Any]) -> None:
    """Print what was found, and put it into the file in place of its section."""
    taken = {"at": datetime.now(UTC).strftime("%Y-%m-%d"), "commit": commit()}
    machine = {"processor": processor(), "cores": os.cpu_count()}
    entry = {"taken": {**taken, **machine}, **found}
    sys.stdout.write(json.dumps(entry, indent=1) + "\n")
    save(FILE, {**load(FILE), section: entry})
