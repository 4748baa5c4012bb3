"""One stage of the way of an event after the other, each by itself, over the same messages, as its own process.

::

    python -m tests.benchmarks.stages AMQP_URL DATABASE_URL DRIVER COUNT

The queue holds COUNT transfers, and the wallets are there. Each stage works through all of them in batches as large as
the service's, on uvloop, with the service's own functions and adapters; what it costs is the processor time of this
process, all threads included. So nothing overlaps, and what is measured is work, not waiting. Says one line of JSON:
the microseconds per event of each stage.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import bson
from aio_pika.abc import AbstractConnection

from adapters.clock import SystemClock
from adapters.mongo.client import Database, connect
from adapters.mongo.documents import entry_to_document, record_to_document
from adapters.mongo.driver import Driver
from adapters.mongo.pending_answers import MongoPendingAnswers
from adapters.mongo.unit_of_work import MongoUnitOfWork
from adapters.mongo.wallet_changes import guarded_updates
from adapters.rabbitmq.arrivals import Arrival, InputSession
from adapters.rabbitmq.codec import message_of
from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.consumed_queue import ack_many
from adapters.rabbitmq.consumer import Consumption
from adapters.rabbitmq.publisher import AnswerPublisher, PublishingConnection
from adapters.rabbitmq.topology import Topology
from tests.benchmarks.fast_loop import run_fast
from tests.benchmarks.ledger import batches
from tests.scenario import USD
from wallet_core import FreshAnswers, Policy, Relay, Subject, TransactionFinalized, request_of
from wallet_core.batch import post
from wallet_core.commands import Linked, SetAside
from wallet_core.drafts import Plan, State
from wallet_core.messages import Message
from wallet_core.ports import Books
from wallet_core.posting import plan
from wallet_core.wallet import SuspendedWallet, Wallet

T = TypeVar("T")

BATCH = Consumption().batch_max
POLICY = Policy(USD)

CONNECTED_S_MAX = 10.0
US = 1_000_000


class Stages:
    """Measures stage by stage; ``cost_us`` gets the microseconds per event."""

    def __init__(self, count: int) -> None:
        """Work on ``count`` events."""
        self._count = count
        self.cost_us: dict[str, float] = {}

    def timed(self, name: str, work: Callable[[], T]) -> T:
        """Measure synchronous work."""
        before_s = time.process_time()
        result = work()
        self._note(name, before_s)
        return result

    async def awaited(self, name: str, work: Awaitable[T]) -> T:
        """Measure work on the event loop, and in the driver's threads."""
        before_s = time.process_time()
        result = await work
        self._note(name, before_s)
        return result

    def _note(self, name: str, before_s: float) -> None:
        cost_us = (time.process_time() - before_s) * US / self._count
        self.cost_us[name] = self.cost_us.get(name, 0.0) + cost_us


async def measure(rabbitmq_url: str, database_url: str, driver: Driver, count: int) -> dict[str, float]:
    """Measure every stage, in the order in which an event meets them."""
    stages = Stages(count)
    bodies = await _received(stages, rabbitmq_url, count)
    messages = stages.timed("read JSON", lambda: [readable(message_of(body)) for body in bodies])
    requests = stages.timed(
        "read fields", lambda: [request_of(Subject.COMPLETED, message, USD) for message in messages]
    )
    linked = [request for request in requests if isinstance(request, Linked)]
    assert len(linked) == count, requests[0]
    database = connect(database_url, driver=driver)
    plans = await _planned(stages, database, linked)
    stages.timed("encode", lambda: [_encoded(made) for made in plans])
    bus = _Collector()
    await _post(stages, database, linked, bus)
    await database.close()
    await _published(stages, rabbitmq_url, bus.calls)
    return stages.cost_us


def readable(message: Message | SetAside) -> Message:
    """Give a message that could be read."""
    assert not isinstance(message, SetAside), message.detail
    return message


async def _received(stages: Stages, url: str, count: int) -> list[bytes]:
    """Receive everything, then acknowledge it in batches; both with what the consumer uses."""
    async with connected(url, "stages") as connection:
        session = InputSession()
        arrivals = await stages.awaited("receive", _take_all(session, connection, count))
        await stages.awaited("acknowledge", _ack_all(arrivals))
        await session.close()
    return [arrival.body for arrival in arrivals]


async def _take_all(session: InputSession, connection: AbstractConnection, count: int) -> list[Arrival]:
    await session.open(connection, prefetch=count)
    arrivals: list[Arrival] = []
    while len(arrivals) < count:
        arrivals += await session.take(BATCH)
    return arrivals


async def _ack_all(arrivals: Sequence[Arrival]) -> None:
    for batch in batches(arrivals, BATCH):
        assert not await ack_many(batch)


async def _planned(stages: Stages, database: Database, requests: Sequence[Linked]) -> list[Plan]:
    """Decide every batch in memory, each on what the one before it has left."""
    users = {leg.user_id for request in requests for leg in request.legs}

    async def load(books: Books) -> dict[str, Wallet | SuspendedWallet]:
        return dict(await books.wallets.get_many(users))

    wallets = await MongoUnitOfWork(database).run(load)
    now = datetime.now(UTC).replace(microsecond=0)

    def decide() -> list[Plan]:
        plans = []
        for batch in batches(requests, BATCH):
            plans.append(plan(batch, State(wallets, {}), POLICY, now))
            wallets.update((change.wallet.user_id, change.wallet) for change in plans[-1].wallets_changed)
        return plans

    return stages.timed("decide", decide)


def _encoded(made: Plan) -> int:
    """Write what a plan stores as BSON, and give its size."""
    documents: list[Mapping[str, object]] = [
        {"q": query, "u": pipeline} for query, pipeline in guarded_updates(made.wallets_changed)
    ]
    documents += map(entry_to_document, made.entries)
    documents += map(record_to_document, made.records_new)
    return sum(len(bson.encode(document)) for document in documents)


class _Collector:
    """A bus that takes every answer at once."""

    def __init__(self) -> None:
        self.calls: list[Sequence[TransactionFinalized]] = []

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """Keep them."""
        self.calls.append(answers)
        return [True] * len(answers)


async def _post(stages: Stages, database: Database, requests: Sequence[Linked], bus: _Collector) -> None:
    """Post every batch in a unit of work (load, decide, encode, store, commit), and work off the outbox behind it."""
    unit_of_work, clock, fresh_answers = MongoUnitOfWork(database), SystemClock(), FreshAnswers()
    relay = Relay(MongoPendingAnswers(database), bus, "stages", time.monotonic, fresh_answers)
    await relay.publish_pending()  # takes the lease, and finds nothing
    for batch in batches(requests, BATCH):
        posted = await stages.awaited("books", post(batch, unit_of_work, clock, POLICY))
        assert posted.row is not None
        fresh_answers.remember(posted.row, posted.plan.answers())
        await stages.awaited("relay", _work_off(relay))
    await relay.stop()


async def _work_off(relay: Relay) -> None:
    """Publish until nothing waits, as the service's loop does: behind what was fresh, a round reads the outbox."""
    while (await relay.publish_pending()).published:
        pass


async def _published(stages: Stages, url: str, calls: Sequence[Sequence[TransactionFinalized]]) -> None:
    """Publish the answers with what the relay uses, as many at a time."""
    publishing = PublishingConnection(url, Topology())
    running = asyncio.create_task(publishing.run())
    assert await publishing.wait_connected(CONNECTED_S_MAX)
    publisher = AnswerPublisher(publishing)

    async def publish() -> None:
        for answers in calls:
            assert all(await publisher.publish_many(answers))

    await stages.awaited("publish", publish())
    await publisher.close()
    running.cancel()
    await asyncio.wait([running])


async def say(rabbitmq_url: str, database_url: str, driver: Driver, count: int) -> None:
    """Measure, and say what was found."""
    sys.stdout.write(json.dumps(await measure(rabbitmq_url, database_url, driver, count)) + "\n")


def main() -> None:
    """Run it as its own process."""
    rabbitmq_url, database_url, driver, count = sys.argv[1:]
    run_fast(say(rabbitmq_url, database_url, Driver(driver), int(count)))


if __name__ == "__main__":
    main()
