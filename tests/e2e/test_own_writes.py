"""Who has been told of an effect reads it, in whichever process: a commit here is seen by the next read there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from adapters.http.development_key import DevelopmentKey
from adapters.mongo.client import Database
from tests.e2e.deployment import AUDIENCE, ISSUER, STATEMENT, WALLET
from tests.fixtures.wallet_process import WalletProcess
from tests.integration.mongo_bank import Bank, CountingObserver
from wallet_core.testing.conformance.store import ALICE, BOB

TRANSFERS = 30

PAGE = f"{STATEMENT}?limit=1"

READERS = 6
"""Others who ask all the time, about the same wallets: every read of the test finds queries under way."""

Headers = dict[str, str]


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_a_read_sees_every_commit_before_it(
    database: Database, database_url: str, tmp_path: Path, driver: str
) -> None:
    """One process moves money; after each commit the other one, busy with others' reads, tells the new balance."""
    bank = Bank(database, CountingObserver())
    await bank.open()
    key = DevelopmentKey.load_or_create(tmp_path / "key.pem")
    (tmp_path / "key.jwks.json").write_text(json.dumps(key.jwks()), encoding="utf-8")
    alice, bob = ({"authorization": f"Bearer {key.token(user, ISSUER, AUDIENCE)}"} for user in (ALICE, BOB))
    settings = {
        "DATABASE_URL": database_url,
        "JWKS_ENDPOINT": (tmp_path / "key.jwks.json").as_uri(),
        "RATE_LIMIT_MAX": "1000000",
        "WALLET_MONGO_DRIVER": driver,
    }
    async with WalletProcess(tmp_path, settings) as process:
        await process.start("serve")
        async with asked_by_others(process, alice, bob) as statuses:
            for number in range(1, TRANSFERS + 1):
                await bank.transfer(number, 1)
                told = await asyncio.gather(balance(process, alice), balance(process, bob), newest(process, bob))

                assert ((10_000 - number, number + 1), (10_000 + number, number + 1), number + 1) == tuple(told)

    assert {httpx2.codes.OK} == statuses


@asynccontextmanager
async def asked_by_others(process: WalletProcess, *users: Headers) -> AsyncIterator[set[int]]:
    """Let others ask for balances and pages of these users until the end of the block; give the statuses they get."""
    statuses: set[int] = set()

    async def ask(headers: Headers, path: str) -> None:
        while True:
            statuses.add((await process.http.get(path, headers=headers)).status_code)

    asking = [
        asyncio.create_task(ask(users[number % len(users)], PAGE if number % 3 == 0 else WALLET))
        for number in range(READERS)
    ]
    try:
        yield statuses
    finally:
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)


async def balance(process: WalletProcess, headers: Headers) -> tuple[int, int]:
    """Ask for a wallet; give its balance in cents and its version."""
    body = (await process.http.get(WALLET, headers=headers)).json()
    return round(body["balance"] * 100), body["version"]


async def newest(process: WalletProcess, headers: Headers) -> int:
    """Ask for a page; give the sequence of its newest entry."""
    rows = (await process.http.get(PAGE, headers=headers)).json()["transactions"]
    return int(rows[0]["id"].rpartition("-")[2])
