"""The relay's loop: when it looks, when it waits, and how it ends."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from adapters.rabbitmq.backoff import Backoff
from entrypoints import relay as relay_module
from entrypoints.relay import RelayLoop
from tests.scenario import USD
from wallet_core.batch import post_all
from wallet_core.commands import Credit, Linked, OpenWallet
from wallet_core.events import Vocabulary
from wallet_core.ledger import TransactionKind
from wallet_core.memory import ManualClock, MemoryBus, MemoryStore
from wallet_core.policy import Policy
from wallet_core.relay import Relay

WITHIN_S = 5.0
"""Longest wait of a test for what takes milliseconds."""


class Backlogs:
    """Hears how large the outbox is."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.heard: list[tuple[int, datetime | None]] = []

    def backlog(self, rows: int, oldest_at: datetime | None) -> None:
        """Remember it."""
        self.heard.append((rows, oldest_at))


class Bench:
    """A loop over books and a bus in memory."""

    def __init__(self) -> None:
        """Wire the parts."""
        self.clock = ManualClock()
        self.store, self.bus = MemoryStore(self.clock), MemoryBus(self.clock)
        self.answers_wait = asyncio.Event()
        self.backlogs = Backlogs()
        relay = Relay(self.store, self.bus, "relay-1", time.monotonic)
        self.loop = RelayLoop(relay, self.store, self.backlogs, self.answers_wait, time.monotonic)

    async def top_up(self, transaction_id: str) -> None:
        """Commit an answer to publish."""
        linked = Linked(
            transaction_id, "f", Vocabulary.DOCUMENTED, TransactionKind.TOPUP, None, "ada", 1, (Credit("ada", 1),)
        )
        await post_all([OpenWallet("ada"), linked], self.store, self.clock, Policy(USD))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most WITHIN_S."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0.005)


async def test_a_commit_wakes_the_loop() -> None:
    """An answer leaves as soon as whoever has committed it says so, however long the poll."""
    bench = Bench()
    running = asyncio.create_task(bench.loop.run())
    await until(lambda: bool(bench.backlogs.heard))

    await bench.top_up("t1")
    bench.answers_wait.set()

    await until(lambda: len(bench.bus.published) == 1)
    bench.loop.stop()
    await running


async def test_what_others_commit_is_found_by_the_poll() -> None:
    """An answer that another process has committed, which wakes nobody here, is published too."""
    bench = Bench()
    running = asyncio.create_task(bench.loop.run())
    await until(lambda: bool(bench.backlogs.heard))

    await bench.top_up("t1")

    await until(lambda: len(bench.bus.published) == 1)
    bench.loop.stop()
    await running


async def test_stop_publishes_what_waits_and_gives_the_lease_back() -> None:
    """At the end everything is published that can be, and another relay need not wait for the lease."""
    bench = Bench()
    await bench.top_up("t1")
    bench.loop.stop()

    await bench.loop.run()

    assert len(bench.bus.published) == 1
    assert await bench.store.hold_lease("relay-2", 1)


async def test_stop_does_not_wait_for_a_broker_that_is_away() -> None:
    """A stop ends although nothing can be published; the answers stay in the outbox."""
    bench = Bench()
    bench.bus.is_away = True
    await bench.top_up("t1")
    running = asyncio.create_task(bench.loop.run())
    await until(lambda: bool(bench.backlogs.heard))

    bench.loop.stop()

    async with asyncio.timeout(WITHIN_S):
        await running
    assert (await bench.store.backlog())[0] == 1


def test_pauses_grow_to_their_bound() -> None:
    """The pauses after failures double, with jitter, and never pass their bound."""
    back_off = Backoff(relay_module.BACK_OFF_FIRST_S, relay_module.BACK_OFF_MAX_S)
    pauses = [back_off.next_pause_s() for _ in range(39)]

    assert relay_module.BACK_OFF_FIRST_S / 2 <= pauses[0] <= relay_module.BACK_OFF_FIRST_S
    assert all(pause <= relay_module.BACK_OFF_MAX_S for pause in pauses)
    assert pauses[-1] >= relay_module.BACK_OFF_MAX_S / 2
