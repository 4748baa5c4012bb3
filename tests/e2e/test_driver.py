"""``WALLET_MONGO_DRIVER=pymongo``: the service and its commands on the other driver, as the server sees them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from tests.e2e.deployment import STATEMENT, Deployment, Site, deployed, new_id
from tests.fixtures.driver import DRIVER_SETTING
from tests.scenario import signup, topup, transfer

PYMONGO = {DRIVER_SETTING: "pymongo"}


def drivers_seen(log: Path, database: str) -> set[str]:
    """Give the names under which drivers have connected for a database, from what mongod has logged of them."""
    lines = log.read_text(encoding="utf-8").splitlines()
    told = [json.loads(line)["attr"]["doc"] for line in lines if '"msg":"client metadata"' in line]
    names = [document["driver"]["name"].split("|") for document in told]
    mark = f"wallet-books:{database}"
    return {name[name.index(mark) - 1] for name in names if mark in name}


async def funded(wallet: Deployment) -> tuple[str, str]:
    """Open two wallets, the first with 5.00, and give their owners."""
    sender, recipient, paid = new_id(), new_id(), new_id()
    await wallet.send(signup(sender), signup(recipient), topup(paid, sender, 5))
    await wallet.answers.last(paid)
    return sender, recipient


async def test_the_service_books_and_serves_by_pymongo_async(site: Site) -> None:
    """``wallet run`` books, answers, serves and ends well; migrate and audit work; nobody has connected by motor."""
    sent = new_id()
    async with deployed(site, PYMONGO, started=False) as wallet:
        migrated = await wallet.run("migrate", "--without-transactions")
        await wallet.process.start()
        sender, recipient = await funded(wallet)
        await wallet.send(transfer(sent, sender, recipient, 2))
        answer = await wallet.answers.last(sent)
        balances = [await wallet.balance(sender), await wallet.balance(recipient)]
        page = await wallet.get(STATEMENT, recipient)
        await wallet.wait_rest()
        ended = await wallet.process.terminate()
        await wallet.assert_books_fit()

        assert 0 == migrated[0]
        assert answer.read.is_completed
        assert [Decimal("3.00"), Decimal("2.00")] == balances
        assert [sent] == [row["transactionId"] for row in page.json()["transactions"]]
        assert 0 == ended
        assert {"async"} == drivers_seen(site.mongod.log, wallet.books.database.name)
