"""``wallet demo`` on the servers of this machine: the whole story, told, audited, and gone afterwards."""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template

import httpx2
import pytest

from adapters.embedded.free_port import is_listening
from tests.e2e.console import COMMAND_TIMEOUT_S, run_wallet
from tests.fixtures.wallet_process import COMMAND, environment

OUTCOMES = ("opened", "applied", "repeated", "unknown_wallet", "reversed", "refused", "set_aside")
_PORT = re.compile(r"(?:mongodb|amqp|http)://(?:[^@\s]*@)?127\.0\.0\.1:(\d+)")


def assert_is_told(output: str) -> None:
    """Check a whole story: every outcome, real servers, clean books, and nothing for a terminal only."""
    assert all(outcome in output for outcome in OUTCOMES), output
    assert "mongodb://127.0.0.1" in output
    assert "amqp://guest:guest@127.0.0.1" in output
    assert "everything fits" in output
    assert "not within" not in output
    assert "\x1b" not in output
    assert "event_handled" not in output, "the log belongs into its file"


@dataclass(frozen=True, slots=True)
class Stay:
    """A demo that stayed up until Ctrl-C: its data, what it told, and what the lines that it prints to type came to."""

    folder: Path
    told: str
    answers: list[httpx2.Response]
    letters: subprocess.CompletedProcess[str]
    exit_code: int | None
    last_words: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A demo with ``--exit``, and the folder for its temporary files."""

    folder: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
async def demos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stay, Visit]:
    """Run both demos beside each other: that is quicker, and neither may disturb the other."""
    return await asyncio.gather(_stay(tmp_path_factory.mktemp("stay")), _visit(tmp_path_factory.mktemp("visit")))


async def test_the_demo_tells_its_story_and_ends(demos: tuple[Stay, Visit]) -> None:
    """``--exit``: every outcome on real servers, clean books, exit code 0; no server and no file is left behind."""
    _, visit = demos

    assert (0, "") == (visit.done.returncode, visit.done.stderr)
    assert_is_told(visit.done.stdout)
    assert not [port for port in _PORT.findall(visit.done.stdout) if is_listening(int(port), timeout_s=1.0)]
    assert not list(visit.folder.iterdir())


async def test_the_demo_stays_up_until_ctrl_c(demos: tuple[Stay, Visit]) -> None:
    """Without ``--exit`` the lines that it prints to type work; Ctrl-C ends it with 0; ``--data`` keeps the data."""
    stay, _ = demos

    assert_is_told(stay.told)
    assert [200, 200] == [answer.status_code for answer in stay.answers]
    assert "69.50" in stay.answers[0].text
    assert "30.50" in stay.answers[1].text
    assert (0, 2) == (stay.letters.returncode, len(stay.letters.stdout.splitlines()))
    assert (0, False) == (stay.exit_code, "Traceback" in stay.last_words)
    assert (stay.folder / "data" / "mongod").is_dir()


async def _visit(folder: Path) -> Visit:
    return Visit(folder, await run_wallet(folder, "demo", "--exit", "--port", "0", TMPDIR=str(folder)))


async def _stay(folder: Path) -> Stay:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("demo", "--port", "0", "--data", "data"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(folder, {}),
        cwd=folder,
    )
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            told = await _read_until(process, "Ctrl-C ends everything.")
            exported = _exported(told)
            answers = [await _curl(line, exported) for line in told.splitlines() if line.startswith("curl ")]
            letters = await run_wallet(folder, "dead-letters", "list", **exported)
            process.send_signal(signal.SIGINT)
            last_words = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Stay(folder, told, answers, letters, process.returncode, last_words)


async def _read_until(process: asyncio.subprocess.Process, last_line: str) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or last_line not in lines[-1]:
        line = await process.stdout.readline()
        assert line, f"it ended after\n{''.join(lines)}"
        lines.append(line.decode())
    return "".join(lines)


def _exported(told: str) -> dict[str, str]:
    """Do what the printed ``export`` lines do."""
    assignments = [word for line in told.splitlines() if line.startswith("export ") for word in shlex.split(line)[1:]]
    return dict(assignment.split("=", 1) for assignment in assignments)


async def _curl(line: str, exported: dict[str, str]) -> httpx2.Response:
    """Do what a printed ``curl`` line does."""
    *_, header, url = shlex.split(Template(line).substitute(exported))
    name, _, value = header.partition(": ")
    async with httpx2.AsyncClient() as client:
        return await client.get(url, headers={name: value})
