"""Two partitions side by side: what ``docs/operations.md`` tells an operator to type, with a process for each of them.

The broker is this module's own, for its plugin; a third process stands by for both partitions.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from pamqp.commands import Basic
from pamqp.common import FieldValue
from pymongo import MongoClient

from adapters.embedded import Mongod
from adapters.embedded.rabbitmq import RabbitMQ
from adapters.rabbitmq.event_publisher import EXCHANGES
from adapters.rabbitmq.topology import FINALIZED_QUEUE, PARTITIONED, TRANSACTION_EXCHANGE
from tests.e2e.books import Document
from tests.e2e.deployment import Deployment, Site, deployed
from tests.e2e.operations_page import PAGE
from tests.faults.load import MINOR, Load
from tests.fixtures.wallet_process import WalletProcess
from tests.neighbour import body_of, eventually
from tests.scenario import Event

PLUGIN = "rabbitmq_consistent_hash_exchange"

KEY_HEADER = "partition-key"
"""What the page deals the events by; our publisher sets it to the sender."""

PARTITIONS = ("0", "1")

TRANSFERS = 600

USERS = 60

SHARE_MIN = 0.2
"""The least share of a partition: of 60 wallets each is in one of two by the toss of a coin."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """Run a broker with the plugin that the page enables."""
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq"), plugins=(PLUGIN,)) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A deployment whose own process and ``second`` have one partition each, and ``standby`` both."""

    deployment: Deployment
    second: WalletProcess
    standby: WalletProcess
    broker: RabbitMQ
    vhost: str

    @property
    def first(self) -> WalletProcess:
        """The process of partition 0."""
        return self.deployment.process

    async def deal(self) -> None:
        """Do steps 2 and 3 of the page."""
        (definitions,) = re.findall(r"```json\n(\{\"exchanges\".*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        file = self.deployment.folder / "partitions.json"
        file.write_text(definitions.replace('"vhost": "/"', f'"vhost": "{self.vhost}"'), encoding="utf-8")
        self.broker.ctl("import_definitions", str(file))
        underlay = await (await self.deployment.neighbour.channel()).get_underlay_channel()
        for queue in PARTITIONED:
            await underlay.queue_unbind(queue.name, TRANSACTION_EXCHANGE, queue.subject.value)

    async def send(self, events: Iterable[Event]) -> None:
        """Publish, confirmed, as a transactions service that names the sender's wallet in a header."""
        channel = await self.deployment.neighbour.channel()
        underlay = await channel.get_underlay_channel()

        async def publish(event: Event) -> None:
            sender_id = event.message.get("fromUserId") or event.message.get("userId")
            key: dict[str, FieldValue] = {KEY_HEADER: str(sender_id)} if sender_id else {}  # v1's `failed` names nobody
            properties = Basic.Properties(delivery_mode=2, headers=key)
            await underlay.basic_publish(
                body_of(event),
                exchange=EXCHANGES[event.subject],
                routing_key=event.subject.value,
                properties=properties,
                mandatory=True,
            )

        await asyncio.gather(*map(publish, events))
        await channel.close()

    async def applied(self) -> dict[WalletProcess, float]:
        """Count what each process has applied."""
        return {process: await applied_by(process) for process in (self.first, self.second, self.standby)}


async def applied_by(process: WalletProcess) -> float:
    """Read how many events a process has applied."""
    lines = (await process.http.get("/metrics")).text.splitlines()
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if re.match(r"wallet_events_total\{.*\"applied\"", line)
    )


@pytest.fixture
async def partitioned(
    broker: RabbitMQ, mongod: Mongod, mongo_client: MongoClient[Document], tmp_path: Path
) -> AsyncIterator[Partitioned]:
    """Run a process for each partition, and then the one that stands by."""
    async with AsyncExitStack() as stack:
        vhost = tmp_path.name
        broker.add_vhosts(vhost)
        site = Site(broker.url(vhost), mongod, mongo_client, tmp_path)
        first = await stack.enter_async_context(deployed(site, {"WALLET_PARTITIONS": PARTITIONS[0]}))

        async def start(*partitions: str) -> WalletProcess:
            settings = {**first.settings, "WALLET_PARTITIONS": ",".join(partitions)}
            process = await stack.enter_async_context(WalletProcess(tmp_path / "-".join(partitions), settings))
            await process.start()
            return process

        second = await start(PARTITIONS[1])
        yield Partitioned(first, second, await start(*PARTITIONS), broker, vhost)


async def wait_answered(deployment: Deployment, load: Load) -> Counter[str]:
    """Wait until each transaction of the load has its last answer; count the answers of each."""

    async def are() -> bool:
        await deployment.answers.look()
        last = {answer.read.transaction_id: answer.read.is_completed for answer in deployment.answers.all}
        return not load.unanswered({id_: "completed" if is_ else "failed" for id_, is_ in last.items()})

    await eventually(are, "every transaction is answered", timeout_s=60)
    await deployment.wait_rest()
    assert 0 == await deployment.neighbour.ready(FINALIZED_QUEUE)
    return Counter(answer.read.transaction_id for answer in deployment.answers.all)


async def assert_every_balance(deployment: Deployment, load: Load) -> None:
    """Compare each balance with what must have come of the load, and let the books be audited."""
    for user_id in load.users:
        assert Decimal(load.balances_minor[user_id]) / MINOR == await deployment.balance(user_id), user_id
    await deployment.assert_books_fit()


async def test_two_partitions_share_the_work(partitioned: Partitioned) -> None:
    """Every transfer is applied once and answered once; each partition does a part of them, the standby none."""
    deployment, load = partitioned.deployment, Load(random.Random(7), USERS, late=0)  # noqa: S311 - draws a load
    await partitioned.send(load.opening())
    await wait_answered(deployment, load)
    await partitioned.deal()
    before = await partitioned.applied()

    await partitioned.send(load.transfers(TRANSFERS, duplicate_every=0))
    answers = await wait_answered(deployment, load)

    after = await partitioned.applied()
    first, second, standby = (after[process] - before[process] for process in after)
    assert dict.fromkeys(load.completed, 1) == answers
    assert (TRANSFERS, 0) == (first + second, standby)
    assert min(first, second) > SHARE_MIN * TRANSFERS
    await assert_every_balance(deployment, load)


async def test_the_standby_takes_over_a_partition(partitioned: Partitioned) -> None:
    """Killed at work, a process leaves its partition to the standby; the other partition stays where it is."""
    deployment, load = partitioned.deployment, Load(random.Random(11), USERS, late=0)  # noqa: S311 - draws a load
    await partitioned.send(load.opening())
    await wait_answered(deployment, load)
    await partitioned.deal()
    events = load.transfers(TRANSFERS)
    taken_back = [event for _ in range(20) for event in load.taken_back()]
    before = await applied_by(partitioned.standby)

    await partitioned.send([*events[: TRANSFERS // 2], *taken_back])
    partitioned.first.kill()
    await partitioned.send(events[TRANSFERS // 2 :])
    await wait_answered(deployment, load)

    assert await applied_by(partitioned.standby) > before
    assert [1, 2] == [await deployment.neighbour.consumers(f"wallet.update.q.{number}") for number in PARTITIONS]
    await partitioned.first.start()
    await assert_every_balance(deployment, load)
