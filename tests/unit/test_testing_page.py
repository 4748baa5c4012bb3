"""The page about testing with the library: it shows its examples as they are, and they give what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing-with-wallet-core.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "docs" / "examples"
SHOWN = ("shop.py", "test_shop.py", "test_euros.py", "test_shop_histories.py")
RUN = re.compile(r"^\$ python -m (pytest .*)\n((?:[^`\n].*\n)*)", re.MULTILINE)
DURATION = re.compile(r"in [0-9.]+s")


def test_the_page_shows_the_examples_as_they_are() -> None:
    """Every block of Python on the page is one of the files, in their order."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    assert blocks == [(EXAMPLES / name).read_text(encoding="utf-8") for name in SHOWN]


def test_the_first_test_needs_nothing_but_pytest(tmp_path: Path) -> None:
    """In a folder of its own, without another plugin, it prints what the page says."""
    shutil.copytree(EXAMPLES, tmp_path / "docs" / "examples")
    (tmp_path / "wallet_core").symlink_to(ROOT / "wallet_core")
    (command, expected) = RUN.findall(PAGE)[0]
    # An installed `wallet-core` brings its plugin by its entry point; here it comes from the tree, so it is named.
    # Options of whoever runs us are not for it: they may change what is printed.
    environment = {
        **os.environ,
        "PYTEST_ADDOPTS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "wallet_core.testing.plugin",
    }

    ended = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert DURATION.sub("", ended.stdout) == DURATION.sub("", expected), ended.stdout + ended.stderr
