"""A module of this folder as a process of its own: a reference, a client, a load.

It may write lines to its output; the last one, or each that is waited for, is JSON. Bounds: every wait has a limit; the
process is killed at the end of the ``with`` block, and what it said on its error output is shown when it fails.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]

LINE_BYTES_MAX = 16 * 1024 * 1024
"""Longest line that is read: 100,000 numbers fit."""


class ProgramFailed(Exception):
    """A program ended before it said what was waited for."""


class Program:
    """A running program."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Take the process; ``started`` makes one."""
        self.name = name
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def says(self, timeout_s: float) -> Any:  # noqa: ANN401 - JSON of the program's own form
        """Wait for its next line. Raises ProgramFailed, TimeoutError."""
        assert self._process.stdout is not None
        async with asyncio.timeout(timeout_s):
            line = await self._process.stdout.readline()
            if line:
                return json.loads(line)
            assert self._process.stderr is not None
            errors = await self._process.stderr.read()
        raise ProgramFailed(f"{self.name} ended before its time:\n{errors.decode(errors='replace')[-4_000:]}")

    async def end(self, timeout_s: float) -> None:
        """Wait until it has ended by itself, and well. Raises ProgramFailed, TimeoutError."""
        async with asyncio.timeout(timeout_s):
            _, errors = await self._process.communicate()
        if self._process.returncode:
            raise ProgramFailed(f"{self.name} ended with {self._process.returncode}:\n{errors.decode()[-4_000:]}")

    def cpu_s(self) -> float:
        """Give the processor time that it has used, seconds."""
        return cpu_s(self.pid)

    async def kill(self) -> None:
        """End it, if it still runs."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def started(module: str, *arguments: str) -> AsyncIterator[Program]:
    """Run ``python -m tests.benchmarks.MODULE`` with these arguments."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tests.benchmarks.{module}",
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX,
    )
    program = Program(module, process)
    try:
        yield program
    finally:
        await program.kill()


def cpu_s(pid: int) -> float:
    """Give the processor time that a process has used, user and system, seconds."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
