"""kill -9 of our own process at every step of the walk of an event (T20).

The steps are those that the service itself lists: a new one is tested without a word here. Those of the start have
their own tests (``test_crash_at_start.py``).
"""

from __future__ import annotations

import signal

import pytest

from entrypoints.fault_point import STEPS
from tests.faults.crash import dying
from tests.faults.opened_books import open_books
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.faults.test_crash_at_start import START_STEPS
from tests.neighbour import eventually
from tests.scenario import Event, signup

QUICK_STEPS = ("entries_appended", "committed", "parked", "answers_confirmed")
"""One step before the commit, and one in each of the three gaps after it."""

SOON = {"WALLET_RETRY_DELAYS_MS": "50,200,500"}
"""Whoever waits for a wallet is looked at again soon; nobody is refused in the first minute of a process's life."""

ANSWER_S = 45.0
"""Longest wait for the first answer, seconds: two starts, and the end of a transaction that a killed process left."""


@pytest.mark.fault("T20", "kill -9 of the service at every step", "WALLET_CRASH_AT, each step of docs/configuration.md")
@pytest.mark.parametrize(
    "step",
    [
        pytest.param(step, marks=[pytest.mark.quick] if step in QUICK_STEPS else [])
        for step in STEPS
        if step not in START_STEPS
    ],
)
async def test_crash_at_a_step_loses_and_doubles_nothing(stage: Stage, step: str) -> None:
    """Wherever a process dies, the next one ends what it began: balances exact, everything answered, once."""
    async with stage.scene(started=False, users=4, late=1, settings=SOON) as scene:
        await open_books(scene)
        completes, fails = scene.load.taken_back()
        await scene.client.send(*first_events(scene), completes)

        async with dying(scene, step) as death:
            await answered_once(scene, str(completes.message["transactionId"]))
            await scene.client.send(*next_events(scene), fails)
            await scene.answered()
            if not death.done():
                scene.service.signal(signal.SIGTERM)


def first_events(scene: Scene) -> list[Event]:
    """Draw what a process finds in its queues: transfers, duplicates, a refusal, poison, a wallet to wait for."""
    load = scene.load
    return [*load.transfers(4, duplicate_every=2), load.refused(), load.poison(), load.topup(load.late[0])]


def next_events(scene: Scene) -> list[Event]:
    """Draw what comes later: the signup that was waited for, another one, and transfers."""
    return [*scene.load.late_signups(), signup(scene.load.new_id()), *scene.load.transfers(3)]


async def answered_once(scene: Scene, transaction_id: str) -> None:
    """Wait for the first answer about a transaction, so that its failure finds it applied."""

    async def is_answered() -> bool:
        return any(read.transaction_id == transaction_id for read in scene.history.read)

    await eventually(is_answered, f"the first answer about {transaction_id}", ANSWER_S)
