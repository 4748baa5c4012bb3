"""The soak (T102): two processes under load, random faults one after the other, and every cent counted in between.

::

    python -m tests.faults.soak --minutes 60 --seed 20261122 --result docs/reliability/soak.json

Load and faults run side by side for a stretch of some minutes; then both pause, everything must come to rest, and the
checker runs over all that has happened since the beginning. The result is written at every such checkpoint, so that a
run that fails shows how far it came. Bounds: one hour at so many events a second fits into memory twice over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import psutil
from pymongo import MongoClient

from adapters.embedded import Mongod, RabbitMQ
from tests.faults.checker import check_all
from tests.faults.evidence import gather
from tests.faults.facts import Facts
from tests.faults.nemesis import FAULTS, SURVIVOR, heal
from tests.faults.scene import Document, Scene, Servers, handles
from tests.faults.stage import SEED_VARIABLE, Stage

STRETCH_S = 240.0
"""Load and faults between two checkpoints, seconds."""

EVENTS_A_SECOND = 60
"""How many drawn events are sent each second: what two cores carry beside the servers and the faults."""

PAUSE_S = (2.0, 10.0)
"""Pause between two faults, drawn between these: some hit a service that has not yet recovered."""

REST_S = 180.0
"""How long everything may take to come to rest at a checkpoint."""

TRANSACTION_LIFETIME_S = 15
"""As docs/operations.md advises; the default is 60."""

MEBIBYTE = 1024 * 1024


class Soak:
    """One run. ``faults`` counts what was injected; ``samples`` are memory and handles of the survivor over time."""

    def __init__(self, seed: int, minutes: float, result: Path) -> None:
        """Write the result to ``result``."""
        self._seed = seed
        self._minutes = minutes
        self._result = result
        self._began_at_s = time.monotonic()
        self._faults: Counter[str] = Counter()
        self._samples: list[dict[str, float | int]] = []
        self._checkpoints = 0

    async def run(self, scene: Scene) -> None:
        """Run all stretches. Raises AssertionError at the first checkpoint that finds anything."""
        await scene.client.send(*scene.load.late_signups())
        while (left_s := self._minutes * 60 - (time.monotonic() - self._began_at_s)) > 0:
            await self._stretch(scene, min(STRETCH_S, left_s))
            await self._checkpoint(scene)

    async def _stretch(self, scene: Scene, seconds: float) -> None:
        ends_at_s = time.monotonic() + seconds
        harming = asyncio.create_task(self._harm(scene, ends_at_s))
        try:
            while time.monotonic() < ends_at_s:
                began_at_s = time.monotonic()
                await scene.client.send(*scene.load.mixed(EVENTS_A_SECOND))
                await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - began_at_s)))  # a rate, not a wait
            await harming
        finally:
            harming.cancel()
            heal(scene)

    async def _harm(self, scene: Scene, ends_at_s: float) -> None:
        while time.monotonic() < ends_at_s:
            fault = scene.chance.choice(FAULTS)
            scene.history.note(fault.__name__)
            await fault(scene)
            self._faults[fault.__name__] += 1
            await asyncio.sleep(scene.chance.uniform(*PAUSE_S))  # the moment of a fault is what is drawn

    async def _checkpoint(self, scene: Scene) -> None:
        await scene.rest(REST_S)
        facts = await gather(scene)
        held = check_all(facts)
        self._checkpoints += 1
        survivor = scene.services[SURVIVOR].pid
        self._samples.append(
            {
                "minute": round((time.monotonic() - self._began_at_s) / 60, 1),
                "resident_mib": round(psutil.Process(survivor).memory_info().rss / MEBIBYTE, 1),
                "handles": handles(survivor),
                "events": len(facts.sent),
            }
        )
        summary = self._summary(facts, held)
        self._result.parent.mkdir(parents=True, exist_ok=True)
        self._result.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        _say(json.dumps({name: summary[name] for name in ("minutes", "events_in", "answers", "faults", "drift_minor")}))

    def _summary(self, facts: Facts, held: tuple[str, ...]) -> dict[str, object]:
        states = Counter(str(record["state"]) for record in facts.transactions)
        kinds = Counter(one.subject.value for one in facts.sent)
        letters = Counter(letter.reason for letter in facts.letters)
        distinct = len({(one.subject, one.body) for one in facts.sent})
        return {
            "commit": commit(),
            "seed": self._seed,
            "minutes": round((time.monotonic() - self._began_at_s) / 60, 1),
            "events_in": len(facts.sent),
            "events_by_key": dict(kinds),
            "duplicates": len(facts.sent) - distinct,
            "transactions": dict(states),
            "dead_lettered": dict(letters),
            "answers": len(facts.read),
            "answers_distinct": len({(read.transaction_id, read.revision) for read in facts.read}),
            "faults": sum(self._faults.values()),
            "faults_by_kind": dict(sorted(self._faults.items())),
            "kills_survived": sum(count for name, count in self._faults.items() if name.startswith("kill")),
            "drift_minor": _drift_minor(facts),
            "checkpoints": self._checkpoints,
            "held": list(held),
            "survivor": self._samples,
        }


def _drift_minor(facts: Facts) -> int:
    """Add up how far each user's balance is from what is due."""
    balances = {str(wallet["userId"]): cast("int", wallet["balanceMinor"]) for wallet in facts.wallets}
    (load,) = facts.loads
    return sum(abs(balances.get(user, 0) - due_minor) for user, due_minor in load.balances_minor.items())


async def soak(folder: Path, seed: int, minutes: float, result: Path) -> None:
    """Start the servers and run. Raises AssertionError when anything was lost, doubled or left behind."""
    lifetime = ("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_LIFETIME_S}")
    async with AsyncExitStack() as stack:
        mongod = stack.enter_context(Mongod(folder / "mongod", fault_injection=True, extra_args=lifetime))
        rabbitmq = stack.enter_context(RabbitMQ(folder / "rabbitmq"))
        mongo = stack.enter_context(MongoClient[Document](mongod.url(), tz_aware=True, appname="soak"))
        stage = Stage(Servers(mongod, rabbitmq, mongo), folder, lambda _: None, seed)
        scene = await stack.enter_async_context(stage.scene(services=2, users=50, rest_s=REST_S))
        await Soak(seed, minutes, result).run(scene)


def commit() -> str:
    """Name the state of the tree that is soaked; empty where it is no clone."""
    command = ("git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD")
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Soak the service in random faults; every cent is counted.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--result", type=Path, required=True, help="where the numbers go, as JSON")
    parser.add_argument("--keep", type=Path, help="keep logs and history of the run in this folder")
    given = parser.parse_args()
    _say(f"{SEED_VARIABLE}={given.seed}")
    with tempfile.TemporaryDirectory(prefix="wallet-soak-") as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(soak(folder, given.seed, given.minutes, given.result))


if __name__ == "__main__":
    main()
