"""The wallet service as tests run it against a real broker: everything real but the books, which are in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from adapters.clock import SystemClock
from adapters.rabbitmq.consumer import Consumer, Consumption
from adapters.rabbitmq.late_signups import LateSignupWatch
from adapters.rabbitmq.observer import SilentObserver
from adapters.rabbitmq.publisher import AnswerPublisher, PublishingConnection
from adapters.rabbitmq.topology import Topology
from tests.neighbour import Neighbour, eventually
from tests.scenario import USD, signup
from wallet_core import (
    DeadLetter,
    FreshAnswers,
    Handled,
    Intake,
    OutcomeKind,
    Policy,
    Relay,
    RetryAfter,
    State,
    StoreRejected,
    StoreUnavailable,
    Subject,
)
from wallet_core.memory import MemoryStore
from wallet_core.ports import Books, Clock

T = TypeVar("T")

RETRY_DELAYS_MS = (50, 100)
"""Short waits, so that tests are quick."""

GRACE_S = 10.0


class FragileStore(MemoryStore):
    """Books in memory that can be away, slow (``commit_s``), or refuse certain transactions."""

    def __init__(self, clock: Clock) -> None:
        """Be well."""
        super().__init__(clock)
        self.is_away = False
        self.tries_while_away = 0
        self.rejected_ids: set[str] = set()
        self.is_entered = asyncio.Event()
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.looks = 0
        self.commit_s = 0.0

    async def run(self, work: Callable[[Books], Awaitable[T]]) -> T:
        """Run ``work`` once the gate is open; raise StoreUnavailable while away, StoreRejected for what is rejected."""

        async def checked(books: Books) -> T:
            result = await work(books)
            if await books.journal.get_transactions(self.rejected_ids):
                raise StoreRejected("the test refuses this transaction")
            if isinstance(result, State):
                self.looks += 1
            else:
                await asyncio.sleep(self.commit_s)
            return result

        self.is_entered.set()
        await self.is_open.wait()
        await self.probe()
        return await super().run(checked)

    async def probe(self) -> None:
        """Raise StoreUnavailable while away."""
        if self.is_away:
            self.tries_while_away += 1
            raise StoreUnavailable("the test has taken the database away")


@dataclass
class Recorder(SilentObserver):
    """An observer that keeps what it hears."""

    handled: list[tuple[Subject, Handled]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    parks: list[RetryAfter | DeadLetter] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    lost_acks: int = 0
    connections: list[str] = field(default_factory=list)

    def connected(self, connection: str) -> None:
        """Keep it."""
        self.connections.append(connection)

    def batch_handled(self, size: int, duration_s: float) -> None:  # noqa: ARG002 - the port's signature
        """Keep it."""
        self.batches.append(size)

    def event_handled(self, subject: Subject, handled: Handled) -> None:
        """Keep it."""
        self.handled.append((subject, handled))

    def parked(self, subject: Subject, settlement: RetryAfter | DeadLetter) -> None:  # noqa: ARG002 - as above
        """Keep it."""
        self.parks.append(settlement)

    def handovers_refused(self, name: str, count: int) -> None:
        """Keep it."""
        self.refused[name] = count

    def acks_lost(self, count: int) -> None:
        """Keep it."""
        self.lost_acks += count


class WalletService:
    """Consumer, publisher and relay over one broker; ``late_signups`` believes that our life began ``age_s`` ago."""

    def __init__(
        self,
        url: str,
        consumption: Consumption | None = None,
        age_s: float = 3_600.0,
        retry_delays_ms: tuple[int, ...] = RETRY_DELAYS_MS,
        partitions: tuple[int, ...] = (),
    ) -> None:
        """Wire everything; nothing runs yet."""
        clock = SystemClock()
        topology = Topology(retry_delays_ms=retry_delays_ms, partitions=partitions)
        births = iter([-age_s])
        self.observer = Recorder()
        self.store = FragileStore(clock)
        self.publishing = PublishingConnection(url, topology, self.observer)
        self.answers = AnswerPublisher(self.publishing, self.observer)
        fresh_answers = FreshAnswers()
        self.relay = Relay(self.store, self.answers, "relay", time.monotonic, fresh_answers)
        self.late_signups = LateSignupWatch(lambda: next(births, 0.0))
        self.consumer = Consumer(
            url,
            intake=Intake(
                self.store, clock, Policy(USD), self.late_signups, retry_delays_ms, fresh_answers=fresh_answers
            ),
            probe=self.store.probe,
            publishing=self.publishing,
            late_signups=self.late_signups,
            clock=clock,
            topology=topology,
            consumption=consumption or Consumption(),
            observer=self.observer,
        )

    async def balance(self, user_id: str) -> int | None:
        """Give a balance in cents; None without a wallet."""
        wallet = await self.store.wallet_of(user_id)
        return None if wallet is None else wallet.balance_minor

    async def wait_balance(self, user_id: str, balance_minor: int) -> None:
        """Wait until a user has so much."""

        async def has() -> bool:
            return await self.balance(user_id) == balance_minor

        await eventually(has, f"{user_id} has {balance_minor}")

    def outcomes_of(self, id_: str) -> list[OutcomeKind]:
        """Give how the deliveries of one transaction ended, in order."""
        return [handled.outcome.kind for _, handled in self.observer.handled if handled.key == id_]

    async def wait_outcome(self, id_: str, kind: OutcomeKind, times: int = 1) -> None:
        """Wait until deliveries of a transaction have ended so, so many times."""

        async def has() -> bool:
            return self.outcomes_of(id_).count(kind) >= times

        await eventually(has, f"{id_} is {kind} {times} times")

    async def wait_consuming(self, timeout_s: float = 30.0) -> None:
        """Wait until the consumer consumes and the publishing connection is up."""

        async def is_up() -> bool:
            return self.consumer.status.consuming and self.publishing.status.connected

        await eventually(is_up, "the service consumes", timeout_s)


@asynccontextmanager
async def running(service: WalletService) -> AsyncIterator[WalletService]:
    """Run the service until the end of the block, and stop it in good order."""
    publishing = asyncio.ensure_future(service.publishing.run())
    consuming = asyncio.ensure_future(service.consumer.run())
    try:
        yield service
    finally:
        await service.consumer.stop(GRACE_S)
        await service.answers.close()
        publishing.cancel()
        await asyncio.wait([publishing])
        await consuming


async def with_wallet(service: WalletService, neighbour: Neighbour, user_id: str) -> None:
    """Open a wallet through the broker."""
    await neighbour.send(signup(user_id))
    await service.wait_balance(user_id, 0)
