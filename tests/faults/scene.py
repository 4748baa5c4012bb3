"""One scenario's world: a database and a virtual host of its own, a proxy before each server, and some services.

::

    Client ──────────────> RabbitMQ <── proxy ──┐
                                                ├── one, two or three processes of the service
                           mongod   <── proxy ──┘

``stage.py`` builds it. The servers are shared by all scenarios, which may kill and freeze them.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import httpx2
import psutil
from pymongo import MongoClient
from pymongo.database import Database

from adapters.embedded import Mongod, RabbitMQ
from adapters.http.development_key import DevelopmentKey
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE
from tests.e2e.console import run_wallet
from tests.e2e.deployment import AUDIENCE, ISSUER, WALLET
from tests.faults.client import Client
from tests.faults.facts import ProcessFacts, QueueFacts
from tests.faults.history import History
from tests.faults.load import MINOR, Load
from tests.fixtures.wallet_process import WalletProcess
from tests.neighbour import eventually
from tests.tcp_proxy import TcpProxy

REST_S = 60.0
"""How long everything may take to come to rest after a fault, unless a scenario says less: two outages' back-off."""

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of this test run, shared by all scenarios."""

    mongod: Mongod
    rabbitmq: RabbitMQ
    mongo: MongoClient[Document]

    def heal(self) -> None:
        """Make both run again, whatever a scenario has done to them."""
        for server in (self.mongod, self.rabbitmq):
            if server.is_running:
                server.thaw()
            else:
                server.start()


@dataclass(slots=True)
class Scene:
    """What a scenario acts on. ``settings`` are those of every process, ``load`` what must come of the events."""

    chance: random.Random
    servers: Servers
    vhost: str
    books: Database[Document]
    to_mongod: TcpProxy
    to_rabbitmq: TcpProxy
    client: Client
    history: History
    services: list[WalletProcess]
    key: DevelopmentKey
    folder: Path
    settings: dict[str, str]
    load: Load
    handles_before: dict[int, int] = field(default_factory=dict)

    @property
    def service(self) -> WalletProcess:
        """The first process, where there is only one."""
        return self.services[0]

    async def open(self) -> None:
        """Open and fund all wallets, wait for it, and remember what the processes hold open."""
        await self.client.send(*self.load.opening())
        await self.answered()
        for service in self.services:
            self.handles_before[service.pid] = handles(service.pid)

    async def start(self, *, ready: bool = True) -> None:
        """Start every process."""
        for service in self.services:
            service.launch()
        if ready:
            for service in self.services:
                await service.wait_ready()

    async def answered(self, timeout_s: float = REST_S) -> None:
        """Wait until every transaction of the load has its last answer. That all of it was sent is for the caller."""

        async def are() -> bool:
            return not self.unanswered()

        try:
            await eventually(are, "the answers", timeout_s)
        except AssertionError:
            missing = sorted(self.unanswered())
            raise AssertionError(f"{len(missing)} transactions lack their last answer, so {missing[:5]}") from None

    def unanswered(self) -> set[str]:
        """Give the transactions of the load whose last answer is not the one that they must end with."""
        return self.load.unanswered(self.history.last_status)

    async def rest(self, timeout_s: float = REST_S) -> None:
        """Wait until everything is answered, dead letters are where they belong, and nothing is under way."""
        deadline_s = time.monotonic() + timeout_s
        await self.answered(timeout_s)

        async def is_at_rest() -> bool:
            if self.books["outbox"].count_documents({}):
                return False
            queues = await self.queues()
            return not any(queue.ready + queue.unacked for name, queue in queues.items() if name != DEAD_LETTER_QUEUE)

        try:
            await eventually(is_at_rest, "rest", max(1.0, deadline_s - time.monotonic()))
        except AssertionError:
            left = {name: queue for name, queue in (await self.queues()).items() if queue.ready + queue.unacked}
            raise AssertionError(
                f"not at rest after {timeout_s} s: {left}, {self.books['outbox'].count_documents({})} "
                "rows in the outbox"
            ) from None

    async def queues(self) -> dict[str, QueueFacts]:
        """Ask the broker what its queues hold."""
        columns = ("name", "messages_ready", "messages_unacknowledged")
        output = await asyncio.to_thread(
            self.servers.rabbitmq.ctl, "list_queues", "-p", self.vhost, "--formatter", "json", *columns
        )
        return {row["name"]: QueueFacts(row[columns[1]], row[columns[2]]) for row in json.loads(output)}

    async def balance_minor(self, service: WalletProcess, user_id: str) -> int | None:
        """Ask a process for a balance over HTTP; None without a wallet."""
        headers = {"authorization": f"Bearer {self.token(user_id)}"}
        response = await service.http.get(WALLET, headers=headers)
        if response.status_code == httpx2.codes.NOT_FOUND:
            return None
        assert httpx2.codes.OK == response.status_code, response.text
        balance: Decimal = json.loads(response.text, parse_float=Decimal)["balance"]
        return int(balance * MINOR)

    def token(self, user_id: str) -> str:
        """Sign a token as the auth service does."""
        return self.key.token(user_id, ISSUER, AUDIENCE)

    async def process_facts(self, users_max: int = 20) -> list[ProcessFacts]:
        """See what each process that runs says and holds."""
        found = []
        for service in self.services:
            users = list(self.load.everyone())[:users_max]
            balances = {user_id: await self.balance_minor(service, user_id) for user_id in users}
            before = self.handles_before.get(service.pid)
            found.append(ProcessFacts(await is_ready(service), service.log, balances, handles(service.pid), before))
        return found

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command of ``wallet`` with the settings of the services; give exit code, output and errors."""
        done = await run_wallet(self.folder, *arguments, **self.settings)
        return done.returncode, done.stdout, done.stderr

    def secrets(self) -> list[str]:
        """Give what no log may hold: the password of the broker as its URL has it, and the form of every token."""
        return ["guest:guest", self.token(self.load.users[0]).split(".")[0]]


def handles(pid: int) -> int:
    """Count the files and sockets that a process holds open."""
    return psutil.Process(pid).num_fds()


async def is_ready(service: WalletProcess) -> bool:
    """Ask a process whether it is ready, until it is; False when it is not in time."""
    with suppress(Exception):  # whatever it is that keeps it from being ready, the invariant I9 names it
        await service.wait_ready()
        return True
    return False
