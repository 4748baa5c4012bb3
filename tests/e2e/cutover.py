"""The system in which our service takes the place of v1's, and the operator who goes by ``docs/operations.md``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import unquote, urlsplit

from pymongo import MongoClient

from adapters.embedded import RabbitMQ
from adapters.rabbitmq.topology import INPUT_QUEUES
from tests.e2e.books import Document
from tests.e2e.deployment import Deployment
from tests.e2e.operations_page import commands, scripts
from tests.e2e.shell import Shell, Typed
from tests.e2e.v1 import V1Transactions, V1Wallet
from tests.neighbour import eventually

MINT_TXNS = "mint_txns"
INSTANT = "2026-11-22T14:00:00Z"
"""The instant in the page's example."""

EXAMPLE_USER = "507f1f77bcf86cd799439011"
"""The user of the page's examples."""

EXAMPLE_IDS = "692176f07f3a5c00"
"""How the ids of the page's examples begin."""

WALLET_QUEUES = tuple(queue.name for queue in INPUT_QUEUES)


@dataclass
class Cutover:
    """The system in which one wallet service takes the place of another, and the operator who does it."""

    wallet: Deployment
    transactions: V1Transactions
    txns: MongoClient[Document]
    rabbitmq: RabbitMQ
    shell: Shell
    stopped_at: str = ""

    def v1(self) -> V1Wallet:
        """Give v1's wallet service; it runs as long as its block."""
        return V1Wallet(self.wallet.settings["RABBITMQ_URL"], self.wallet.books.database["wallets"])

    async def type(self, heading: str, position: int, **instead: str) -> Typed:
        """Type the command at this position below a heading of the page, with some words replaced."""
        line = commands(heading)[position]
        for word, replacement in instead.items():
            assert word in line
            line = line.replace(word, replacement)
        return await self.shell.type(line)

    def run(self, script: Mapping[str, object], database: str = "") -> dict[str, object]:
        """Run a script of the page on the wallets' database, or on the transactions'."""
        client = self.txns.get_database(database) if database else self.wallet.books.database
        reply: dict[str, object] = client.command(dict(script))
        return reply

    def queues(self, heading: str) -> dict[str, tuple[int, int, int]]:
        """Type the command that lists the queues; give ready, unacknowledged and consumers of each."""
        line = next(line for line in commands(heading) if line.startswith("rabbitmqctl"))
        vhost = unquote(urlsplit(self.wallet.settings["RABBITMQ_URL"]).path[1:])
        rows = [row.split("\t") for row in self.rabbitmq.ctl("-p", vhost, *line.split()[1:]).splitlines()]
        return {
            name: (int(counts[0]), int(counts[1]), int(counts[2]))
            for name, *counts in rows
            if counts and name != "name"
        }

    async def take_away_v1(self) -> None:
        """Do steps 3 and 4 and check them; v1's block has ended."""
        await next_second()
        self.stopped_at = (await self.type("3.", 0)).output.strip()
        await next_second()
        counts = self.queues("3.")
        assert {(0, 0)} == {counts[name][1:] for name in WALLET_QUEUES}
        await self.transactions.read_answers()
        await eventually(self._answers_are_read, "the last answers of v1 are read")

    async def _answers_are_read(self) -> bool:
        return self.queues("4.")["transaction.finalized.q"][:2] == (0, 0)

    def keep_wallets(self) -> None:
        """Do step 5 and check it."""
        copy, count, count_of_copy = scripts("5.")
        self.run(copy)
        assert self.run(count)["n"] == self.run(count_of_copy)["n"]

    async def migrate(self) -> Typed:
        """Do step 6."""
        return await self.migrate_at(datetime.fromisoformat(self.stopped_at))

    async def migrate_at(self, stopped_at: datetime) -> Typed:
        """Type step 6 with another instant."""
        return await self.type("6.", 0, **{INSTANT: f"{stopped_at:%Y-%m-%dT%H:%M:%SZ}"})

    def evidence(self, user_id: str) -> int:
        """Compare what v1 held for a user with what had completed for them, as step 9 shows; give the difference."""
        wallet, completed = scripts("9.", {EXAMPLE_USER: user_id, INSTANT: self.stopped_at})
        held = first(self.run(wallet))["balance"]
        return int(float(str(held)) - float(str(first(self.run(completed, MINT_TXNS)).get("sum", 0))))

    async def verdict(self, position: int, *ids: str) -> Typed:
        """Type a verdict of step 9 about these transactions instead of those of the example."""
        *words, _ = commands("9.")[position].split(EXAMPLE_IDS, 1)
        return await self.shell.type(" ".join([words[0].strip(), *ids]))

    async def compare(self) -> None:
        """Do step 7 and check it."""
        audit = await self.type("7.", 0)
        (sum_of_v1,) = scripts("7.")
        held = Decimal(str(first(self.run(sum_of_v1))["sum"]))
        assert (0, "everything fits") == (audit.exit_code, audit.output.splitlines()[-1])
        assert f"the wallets hold {held:.2f}\n" in audit.output

    async def start(self) -> None:
        """Do step 8 and check it: ready, and the queues run empty."""
        assert "wallet run" == commands("8.")[0]
        await self.wallet.process.start("run")
        await self.wallet.wait_rest()
        line = commands("8.")[1].replace("localhost:4003", f"127.0.0.1:{self.wallet.process.port}")
        assert "ready" == json.loads((await self.shell.type(line)).output)["status"]
        await eventually(self._queues_are_worked_off, "the wallet's queues are consumed and empty")
        letters = await self.type("8.", 3)
        assert {"legacy_transaction"} >= {row[1] for row in letters.rows}

    async def _queues_are_worked_off(self) -> bool:
        counts = self.queues("8.")
        return {(0, 0, 1)} == {counts[name] for name in WALLET_QUEUES}

    def entries_posted(self) -> int:
        """Type the first line of the way back: how many entries are not from an adoption."""
        return int(str(self.run(scripts("The way back")[0])["n"]))

    async def wait_wallets(self, count: int) -> None:
        """Wait until v1 has opened so many wallets."""

        async def has() -> bool:
            return self.wallet.books.database["wallets"].count_documents({}) == count

        await eventually(has, f"v1 has {count} wallets")

    async def balances(self, *user_ids: str) -> list[str]:
        """Read balances over HTTP."""
        return [str(await self.wallet.balance(user_id)) for user_id in user_ids]


def first(reply: dict[str, object]) -> Document:
    """Give the first document that a command found; an empty one without any."""
    cursor = reply["cursor"]
    assert isinstance(cursor, dict)
    return next(iter(cursor["firstBatch"]), {})


async def next_second() -> None:
    """Wait until the clock shows another second: ids of transactions know no finer time."""
    began = int(time.time())

    async def has_come() -> bool:
        return int(time.time()) > began

    await eventually(has_come, "the next second")
