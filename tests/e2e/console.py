"""Commands of ``wallet`` that end by themselves, run as a script runs them: output is piped."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from tests.fixtures.wallet_process import COMMAND, environment

COMMAND_TIMEOUT_S = 60.0
"""Longest run of a command, seconds; measured 1 to 2, and 20 for the demo."""


async def run_wallet(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run ``wallet`` with these arguments in ``folder``, and give its exit code and output."""
    return await asyncio.to_thread(
        subprocess.run,
        (*COMMAND, *arguments),
        capture_output=True,
        text=True,
        env=environment(folder, settings),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
