"""A signal that comes while the program is still being loaded, before it can do anything."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.wallet_process import COMMAND, environment

ENDS_S = 60.0
"""Far more than a start takes on a busy machine, seconds."""

SIGNALLED_WHILE_LOADING = """
import os, sys
class Signaller:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Signaller())
"""
"""Sends a signal to its own process when the first of the large libraries is imported."""


async def exit_code(folder: Path, command: str, number: signal.Signals) -> int:
    """Start a command that gets a signal while it is being loaded, and give its exit code."""
    interpreter, option, program = COMMAND
    before = SIGNALLED_WHILE_LOADING.format(number=int(number))
    done = await asyncio.to_thread(
        subprocess.run,
        (interpreter, option, f"{before}\n{program}", command),
        env=environment(folder, {}),
        cwd=folder,
        capture_output=True,
        timeout=ENDS_S,
        check=False,
    )
    return done.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["run", "serve", "consume"])
async def test_a_service_that_is_being_loaded_ends_as_asked(
    tmp_path: Path, command: str, number: signal.Signals
) -> None:
    """Nothing has begun, so there is nothing to finish: exit 0."""
    assert 0 == await exit_code(tmp_path, command, number)


async def test_a_command_that_is_being_loaded_does_not_succeed(tmp_path: Path) -> None:
    """Whoever waits for its exit code learns that it has not done its work."""
    assert -signal.SIGTERM == await exit_code(tmp_path, "migrate", signal.SIGTERM)
