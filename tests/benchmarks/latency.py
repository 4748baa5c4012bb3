"""Idle latency: one event is published, its answer is awaited, a short pause, the next one.

The reference in the same round and of the same driver: one majority transaction with the documents that a transfer
writes, and one confirmed publish, one after the other. Ours in it is only how the connection to the broker is opened,
and how its frames are read.

The pauses are drawn, so that no timer of the service can fall into step with us.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage
from bson import Int64, ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from pamqp.commands import Basic
from pymongo import AsyncMongoClient, UpdateOne
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from adapters.mongo.driver import when_ready
from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import FINALIZED_QUEUE, TRANSACTION_EXCHANGE
from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.conservation import Ledger, WrongRun, check_books, check_broker
from tests.benchmarks.echo import ANSWER
from tests.benchmarks.figures import Figure, percentile, rotated
from tests.benchmarks.ledger import open_wallets, prepare_database
from tests.benchmarks.queues import declare_queues
from tests.benchmarks.servers import MOTOR
from tests.benchmarks.targets import LATENCY, LATENCY_TAIL
from tests.benchmarks.transfers import Shape, draw
from tests.faults.client import declare
from tests.fixtures.wallet_process import WalletProcess
from wallet_core import Subject

PAUSE_S_MAX = 0.02
"""Longest pause between two events, seconds."""

ANSWER_S_MAX = 30.0

WARM_UP = 20
"""Events before those that count: the first ones open connections."""

LAB_QUEUE = "lab.out"
MS = 1_000

Measured = Callable[[int], Awaitable[list[float]]]
"""Does something so many times, and gives how long each took, in milliseconds."""


async def measure(bench: Bench) -> Section:
    """Measure both, in turns."""
    taken: dict[str, list[list[float]]] = {}
    for driver in bench.drivers:
        async with _service(bench, driver) as ours, _reference(bench, driver) as reference:
            measured = {f"ours {driver}": ours, f"reference {driver}": reference}
            for number in range(bench.effort.runs):
                for name in rotated(tuple(measured), number):
                    await measured[name](WARM_UP)
                    times_ms = await measured[name](bench.effort.latency_events)
                    taken.setdefault(name, []).append(times_ms)
                    bench.tell(
                        f"round {number + 1}  {name:<18} p50 {percentile(times_ms, 50):.1f} ms, "
                        f"p99 {percentile(times_ms, 99):.1f} ms"
                    )

    def figure(name: str, percent: int) -> Figure:
        return Figure(tuple(percentile(times_ms, percent) for times_ms in taken[name]))

    rows = [
        bench.row(target, driver, figure(f"ours {driver}", percent), figure(f"reference {driver}", percent))
        for target, percent in ((LATENCY, 50), (LATENCY_TAIL, 99))
        for driver in bench.drivers
    ]
    return Section(tuple(rows))


@asynccontextmanager
async def _service(bench: Bench, driver: str) -> AsyncIterator[Measured]:
    """Run the service; what is given publishes one event after the other, each when the last is answered."""
    effort = bench.effort
    load = draw(Shape(effort.runs * (WARM_UP + effort.latency_events), effort.wallets), seed=0)
    with bench.servers.place() as place:
        await prepare_database(place.database_url)
        open_wallets(place.database, range(effort.wallets))
        ledger = Ledger.opened(effort.wallets)
        ledger.expect(len(load.bodies), load.changes_minor)
        async with (
            connected(place.rabbitmq_url, "neighbour") as connection,
            WalletProcess(place.folder, place.settings(driver)) as process,
        ):
            await declare(connection)
            await process.start()
            asker = _Asker(await _channel(connection), load.bodies)
            await asker.open()
            yield asker.ask
            if code := await process.terminate():
                raise WrongRun(f"the service ended with {code}:\n{process.log[-4_000:]}")
        check_books(place.database, ledger)
        await check_broker(place.rabbitmq_url)


class _Asker:
    """Publishes events one at a time, and waits for the answer of each."""

    def __init__(self, channel: UnderlayChannel, bodies: Sequence[bytes]) -> None:
        self._channel = channel
        self._bodies = iter(bodies)
        self._answered: asyncio.Future[tuple[str, str]] | None = None

    async def open(self) -> None:
        """Begin to read answers."""

        async def read(message: DeliveredMessage) -> None:
            await self._channel.basic_ack(message.delivery_tag or 0, wait=False)
            answer = json.loads(message.body)
            if self._answered is None or self._answered.done():
                raise WrongRun(f"nobody waits for the answer about {answer['transactionId']}")
            self._answered.set_result((answer["transactionId"], answer["status"].lower()))

        await self._channel.basic_consume(FINALIZED_QUEUE, read)

    async def ask(self, count: int) -> list[float]:
        """Publish so many, and give how long each answer took, in milliseconds."""
        return [await self._ask(next(self._bodies)) for _ in range(count)]

    async def _ask(self, body: bytes) -> float:
        await _pause()
        self._answered = asyncio.get_running_loop().create_future()
        began_s = time.perf_counter()
        publishing = asyncio.ensure_future(_publish(self._channel, TRANSACTION_EXCHANGE, Subject.COMPLETED.value, body))
        async with asyncio.timeout(ANSWER_S_MAX):
            answered = await self._answered
        took_s = time.perf_counter() - began_s
        await publishing
        if answered != (json.loads(body)["transactionId"], "completed"):
            raise WrongRun(f"asked about {body.decode()}, answered about {answered}")
        return took_s * MS


@asynccontextmanager
async def _reference(bench: Bench, driver: str) -> AsyncIterator[Measured]:
    """Give what does one majority transaction and one confirmed publish after the other."""
    with bench.servers.place() as place:
        await declare_queues(place.rabbitmq_url, LAB_QUEUE)
        client: Any = (AsyncIOMotorClient if driver == MOTOR else AsyncMongoClient)(place.database_url)
        try:
            async with connected(place.rabbitmq_url, "reference") as connection:
                books = _MinimalBooks(client)
                await books.open()
                channel = await _channel(connection)

                async def both(count: int) -> list[float]:
                    return [await _both(books, channel) for _ in range(count)]

                yield both
        finally:
            await when_ready(client.close())


async def _both(books: _MinimalBooks, channel: UnderlayChannel) -> float:
    await _pause()
    began_s = time.perf_counter()
    await books.transfer()
    await _publish(channel, "", LAB_QUEUE, ANSWER)
    return (time.perf_counter() - began_s) * MS


class _MinimalBooks:
    """Two wallets, and what one transfer between them writes: no rules, no indexes, no validators."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - either driver's client
        self._client = client
        self._database = client.get_default_database()
        self._wallets = [ObjectId(), ObjectId()]

    async def open(self) -> None:
        """Make the collections, which no transaction has to make then."""
        await self._database["wallets"].insert_many([{"_id": id_, "version": Int64(0)} for id_ in self._wallets])
        for name in ("entries", "transactions", "outbox"):
            await self._database.create_collection(name)

    async def transfer(self) -> None:
        """Write it in one transaction."""
        session = await when_ready(self._client.start_session())
        try:
            concerns = {"read_concern": ReadConcern("snapshot"), "write_concern": WriteConcern("majority", j=True)}
            await when_ready(session.start_transaction(**concerns))
            await self._write(session)
            await session.commit_transaction()
        finally:
            await session.end_session()

    async def _write(self, session: object) -> None:
        now, id_ = datetime.now(UTC), ObjectId()
        changes = [
            UpdateOne({"_id": wallet}, {"$inc": {"balanceMinor": Int64(100), "version": Int64(1)}})
            for wallet in self._wallets
        ]
        entries = [
            {"w": wallet, "transactionId": id_, "amountMinor": Int64(100), "recordedAt": now, "hash": bytes(32)}
            for wallet in self._wallets
        ]
        await self._database["wallets"].bulk_write(changes, session=session)
        await self._database["transactions"].insert_one({"_id": id_, "state": "applied", "at": now}, session=session)
        await self._database["entries"].insert_many(entries, session=session)
        await self._database["outbox"].insert_one({"transactionIds": [id_], "createdAt": now}, session=session)


async def _channel(connection: AbstractConnection) -> UnderlayChannel:
    channel = connection.channel(publisher_confirms=True, on_return_raises=True)
    await channel.initialize(timeout=10)
    return await channel.get_underlay_channel()


async def _publish(channel: UnderlayChannel, exchange: str, key: str, body: bytes) -> None:
    properties = Basic.Properties(content_type="application/json", delivery_mode=2)
    confirmed = await channel.basic_publish(
        body, exchange=exchange, routing_key=key, properties=properties, mandatory=True
    )
    if not isinstance(confirmed, Basic.Ack):
        raise WrongRun(f"a publish was not confirmed: {confirmed}")


async def _pause() -> None:
    await asyncio.sleep(random.uniform(0, PAUSE_S_MAX))  # noqa: S311 - spreads, hides nothing
