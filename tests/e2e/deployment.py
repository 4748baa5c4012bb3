"""One wallet service with its neighbours: a running process, and everything that reaches it from outside.

``Deployment`` sends events and reads answers as the neighbours do, asks over HTTP with tokens of a development key, and
looks at the books. ``deployed`` starts one on a virtual host and a database that nobody else uses.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx2
from pymongo import MongoClient

from adapters.embedded import Mongod
from adapters.http.development_key import DevelopmentKey
from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE, INPUT_QUEUES, retry_queue
from tests.e2e.answers import Answers
from tests.e2e.books import Books, Document
from tests.e2e.console import run_wallet
from tests.fixtures.wallet_process import WalletProcess
from tests.neighbour import Fetched, Neighbour, eventually
from tests.scenario import Event, signup

ISSUER = "auth-service"
AUDIENCE = "wallet-service"
WALLET = "/api/v1/wallet/user"
STATEMENT = "/api/v1/wallet/user/transactions"

KEY_FILE = "key.pem"
"""Where a site keeps its development key."""

RETRY_DELAYS_MS = (50, 100)
"""Short waits, so that tests are quick."""

QUICK = {
    "WALLET_RETRY_DELAYS_MS": ",".join(map(str, RETRY_DELAYS_MS)),
    "RATE_LIMIT_MAX": "1000000",
    "WALLET_DRAIN_MS": "0",
}
"""What differs from a deployment that sets nothing: short retries, a limit out of the tests' way, a quick end."""

QUEUES_AT_WORK = (
    *(queue.name for queue in INPUT_QUEUES),
    *(retry_queue(queue.name, delay_ms) for queue in INPUT_QUEUES for delay_ms in RETRY_DELAYS_MS),
)
"""What is empty when nothing is under way."""


def new_id() -> str:
    """Draw the id of a user or a transaction, so that the tests of one deployment do not meet."""
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One running service, seen from outside."""

    process: WalletProcess
    neighbour: Neighbour
    answers: Answers
    books: Books
    key: DevelopmentKey
    folder: Path
    settings: dict[str, str]

    async def send(self, *events: Event) -> None:
        """Publish events to their exchanges, in order."""
        await self.neighbour.send(*events)

    async def open(self, *user_ids: str) -> None:
        """Let users sign up, and wait for their wallets."""
        await self.send(*map(signup, user_ids))
        for user_id in user_ids:
            await self.wait_balance(user_id, "0.00")

    async def get(self, path: str, user_id: str | None = None, **headers: str) -> httpx2.Response:
        """Ask over HTTP, as this user if there is one."""
        if user_id is not None:
            headers["authorization"] = f"Bearer {self.token(user_id)}"
        return await self.process.http.get(path, headers=headers)

    def token(self, user_id: str) -> str:
        """Sign a documented token as the auth service does."""
        return self.key.token(user_id, ISSUER, AUDIENCE)

    async def balance(self, user_id: str) -> Decimal | None:
        """Read a balance over HTTP, with exactly its digits; None without a wallet."""
        response = await self.get(WALLET, user_id)
        if response.status_code == httpx2.codes.NOT_FOUND:
            return None
        assert httpx2.codes.OK == response.status_code, response.text
        balance: Decimal = json.loads(response.text, parse_float=Decimal)["balance"]
        return balance

    async def wait_balance(self, user_id: str, balance: str) -> None:
        """Wait until a user has so much."""

        async def has() -> bool:
            return await self.balance(user_id) == Decimal(balance)

        await eventually(has, f"{user_id} has {balance}")

    async def metric(self, name: str, **labels: str) -> float:
        """Read one sample of ``/metrics``; 0 when there is none."""
        wanted = "{" + ",".join(f'{label}="{value}"' for label, value in sorted(labels.items())) + "}" if labels else ""
        lines = (await self.process.http.get("/metrics")).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{wanted} ")), 0.0)

    async def wait_metric(self, value: float, name: str, **labels: str) -> None:
        """Wait until a sample of ``/metrics`` has this value."""

        async def has() -> bool:
            return await self.metric(name, **labels) == value

        await eventually(has, f"{name} {labels} is {value}")

    async def wait_rest(self) -> None:
        """Wait until nothing waits to be consumed, retried or published."""

        async def is_at_rest() -> bool:
            return not self.books.outbox() and not any([await self.neighbour.ready(name) for name in QUEUES_AT_WORK])

        await eventually(is_at_rest, "all queues and the outbox are empty")

    async def take_dead_letters(self, count: int) -> list[Fetched]:
        """Wait for exactly so many dead letters, and take them away."""
        await self.neighbour.wait_ready(DEAD_LETTER_QUEUE, count)
        return await self.neighbour.fetch_all(DEAD_LETTER_QUEUE)

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command of ``wallet`` with the settings of this service; give exit code, output and errors."""
        done = await run_wallet(self.folder, *arguments, **self.settings)
        return done.returncode, done.stdout, done.stderr

    async def assert_books_fit(self) -> None:
        """Let ``wallet audit`` recompute the books."""
        exit_code, output, errors = await self.run("audit")
        assert 0 == exit_code, f"{output}\n{errors}"


@dataclass(frozen=True, slots=True)
class Site:
    """Where deployments are put: servers of this test run, and a folder."""

    rabbitmq_url: str
    mongod: Mongod
    mongo_client: MongoClient[Document]
    folder: Path


@asynccontextmanager
async def deployed(
    site: Site, settings: Mapping[str, str] = QUICK, *, started: bool = True
) -> AsyncIterator[Deployment]:
    """Run one service on a new database, ready unless ``started`` is false, and end it. The data go with the server."""
    database = f"wallet_{uuid.uuid4().hex[:12]}"
    key = DevelopmentKey.load_or_create(site.folder / KEY_FILE)
    key_set = site.folder / "key.jwks.json"
    key_set.write_text(json.dumps(key.jwks()), encoding="utf-8")
    given = {
        "DATABASE_URL": site.mongod.url(database),
        "RABBITMQ_URL": site.rabbitmq_url,
        "JWKS_ENDPOINT": key_set.as_uri(),
        **QUICK,
        **settings,
    }
    async with (
        connected(site.rabbitmq_url, "neighbour") as connection,
        WalletProcess(site.folder, given) as process,
    ):
        neighbour = Neighbour(connection)
        books = Books(site.mongo_client.get_database(database))
        if started:
            await process.start()
        yield Deployment(process, neighbour, Answers(neighbour), books, key, site.folder, given)
