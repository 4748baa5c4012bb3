"""``wallet audit`` of a million entries: how long it takes from its start to its end, and its largest memory."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from tests.benchmarks import seeding
from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.conservation import WrongRun
from tests.benchmarks.figures import Figure
from tests.benchmarks.servers import Place
from tests.benchmarks.targets import AUDIT, AUDIT_MEMORY
from tests.fixtures.wallet_process import COMMAND, environment

AUDITED_S_MAX = 600.0

LOOK_S = 0.05
"""How often the memory is looked at, seconds; the number only rises, so what is missed is its last moment."""

KIB_PER_MIB = 1_024


async def measure(bench: Bench) -> Section:
    """Audit again and again, with each driver in turns."""
    taken: dict[str, list[tuple[float, float]]] = {driver: [] for driver in bench.drivers}
    with bench.servers.place(seeding.BOOKS) as place:
        for number in range(bench.effort.runs):
            for driver in bench.drivers:
                seconds, rss_mib = await _audit(place, driver, bench.effort.audited)
                taken[driver].append((seconds, rss_mib))
                bench.tell(f"round {number + 1}  {driver:<8} {seconds:.1f} s, at most {rss_mib:.0f} MiB")
    rows = [
        bench.row(target, driver, Figure(tuple(pair[position] for pair in taken[driver])))
        for driver in bench.drivers
        for position, target in enumerate((AUDIT, AUDIT_MEMORY))
    ]
    return Section(tuple(rows))


async def _audit(place: Place, driver: str, entries: int) -> tuple[float, float]:
    """Run it; give seconds and MiB."""
    began_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "audit",
        env=environment(place.folder, place.settings(driver)),
        cwd=place.folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    watching = asyncio.create_task(_largest_mib(process.pid))
    async with asyncio.timeout(AUDITED_S_MAX):
        output, _ = await process.communicate()
    took_s = time.monotonic() - began_s
    said = output.decode()
    if process.returncode or f" {entries} entries" not in said or "everything fits" not in said:
        raise WrongRun(f"wallet audit of {entries} entries ended with {process.returncode}:\n{said[-2_000:]}")
    return took_s, await watching


async def _largest_mib(pid: int) -> float:
    """
    Watch a process until it ends, and give its largest resident memory (``VmHWM`` of proc(5)).

    The kernel's own number for children that have ended (``ru_maxrss``) is never less than the memory of the parent.
    """
    largest_kib = 0
    while True:
        found = re.search(r"VmHWM:\s+(\d+) kB", _status(pid))
        if found is None:
            return largest_kib / KIB_PER_MIB
        largest_kib = int(found[1])
        await asyncio.sleep(LOOK_S)


def _status(pid: int) -> str:
    """Read what the kernel says of a process; nothing about its memory when it has ended."""
    try:
        return Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return ""
