"""An operator's shell: ``wallet`` is on its path, and the settings of one deployment are exported."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.console import COMMAND_TIMEOUT_S
from tests.fixtures.wallet_process import COMMAND, environment


@dataclass(frozen=True, slots=True)
class Typed:
    """What came of a command."""

    exit_code: int
    output: str
    errors: str

    @property
    def rows(self) -> list[list[str]]:
        """The fields of each line, without the line of titles."""
        return [line.split("\t") for line in self.output.splitlines()[1:]]


class Shell:
    """Runs lines as an operator types them, pipes and all."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        """Put ``wallet`` on the path; nothing else of this process's environment is there."""
        self._folder = folder
        programs = folder / "bin"
        programs.mkdir()
        wallet = programs / "wallet"
        wallet.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n', encoding="utf-8")
        wallet.chmod(0o700)
        self._environment = environment(folder, settings)
        self._environment["PATH"] = f"{programs}:{self._environment['PATH']}"

    async def type(self, line: str) -> Typed:
        """Run one line."""
        done = await asyncio.to_thread(
            subprocess.run,
            ("sh", "-c", line),
            capture_output=True,
            text=True,
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        return Typed(done.returncode, done.stdout, done.stderr)
