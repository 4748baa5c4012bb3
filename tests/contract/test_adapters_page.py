"""The page about adapters: it shows its examples as they are, and they need what it says and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from docs.examples.test_sqlite_bus import TestSqliteBus as SqliteBusContract
from wallet_core.testing import conformance

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adapters.md"
EXAMPLES = ROOT / "docs" / "examples"
SHOWN = ("sqlite_bus.py", "test_sqlite_bus.py", "test_storage.py", "conftest.py")


class TestSqliteBus(SqliteBusContract):
    """The example passes the suite here too, run as ours are."""


def test_the_page_shows_the_examples_as_they_are() -> None:
    """Every block of Python on the page is one of the files, in their order."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    assert blocks == [(EXAMPLES / name).read_text(encoding="utf-8") for name in SHOWN]


def test_the_example_needs_nothing_but_pytest(tmp_path: Path) -> None:
    """In a folder of its own, without a plugin, every test of the suite runs and passes."""
    shutil.copytree(EXAMPLES, tmp_path / "docs" / "examples")
    (tmp_path / "wallet_core").symlink_to(ROOT / "wallet_core")
    command = [sys.executable, "-m", "pytest", "-q", "docs/examples/test_sqlite_bus.py"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=60
    )

    tests = [name for name in vars(conformance.EventBusSuite) if name.startswith("test_")]
    assert f"\n{len(tests)} passed" in ended.stdout, ended.stdout + ended.stderr


def test_the_page_names_every_suite() -> None:
    """Whoever looks for the suites of a port finds them."""
    named = set(re.findall(r"`(\w+Suite)`", PAGE.read_text(encoding="utf-8")))

    assert named == {name for name in conformance.__all__ if name.endswith("Suite")}
