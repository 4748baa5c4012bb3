"""``wallet migrate`` on books that v1 has left, and the service that goes on with them: to the cent, and only once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from bson import ObjectId

from tests.e2e.books import Document
from tests.e2e.deployment import WALLET, Deployment, Site, deployed, new_id
from tests.scenario import topup, transfer_v1

CREATED = datetime(2024, 2, 29, 12, 30, 5, 123_000, tzinfo=UTC)
UPDATED = datetime(2025, 1, 15, 12, 45, 30, tzinfo=UTC)

EXACT: dict[str, float] = {"150.00": 150, "12.50": 12.5, "0.10": 0.1, "0.00": 0, "9999999999.99": 9_999_999_999.99}
"""Balances that v1 stores, by what they are worth."""

ROUNDED: dict[str, float] = {"0.30": 0.1 + 0.2}

LEFT: dict[str, Document] = {
    "negative": {"balance": -1},
    "NaN": {"balance": float("nan")},
    "text": {"balance": "12.50"},
    "a fraction of a cent": {"balance": 0.005},
    "no owner": {"balance": 5, "userId": None},
}
"""What a person must decide about: changes of a good wallet."""


def v1_wallet(**fields: object) -> Document:
    """Give a wallet as v1 stores it."""
    own: Document = {"_id": ObjectId(), "userId": ObjectId(), "createdAt": CREATED, "updatedAt": UPDATED, "__v": 0}
    return {**own, **fields}


async def plant(wallet: Deployment, *documents: Document) -> None:
    """Leave these wallets behind, as v1 would."""
    wallet.books.database["wallets"].insert_many([dict(document) for document in documents])


async def test_every_cent_of_v1_is_there_afterwards(site: Site) -> None:
    """Id, owner, balance and dates stay, a rounded one is listed, a second run changes nothing, the service goes on."""
    worth = {amount: v1_wallet(balance=balance) for amount, balance in {**EXACT, **ROUNDED}.items()}
    rich, poor = str(worth["150.00"]["userId"]), str(worth["0.00"]["userId"])
    transaction_id = new_id()
    async with deployed(site, started=False) as wallet:
        await plant(wallet, *worth.values())

        first = await wallet.run("migrate", "--without-transactions")
        adopted = wallet.books.facts()
        second = await wallet.run("migrate")
        unchanged = wallet.books.facts()
        await wallet.process.start()
        bodies = {amount: (await wallet.get(WALLET, str(old["userId"]))).json() for amount, old in worth.items()}
        await wallet.send(transfer_v1(transaction_id, rich, poor, 50))
        answer = await wallet.answers.last(transaction_id)

        assert (0, 0) == (first[0], second[0])
        assert "6 adopted (1 of them rounded), 0 were ours already, 0 left as they are\n" in first[1]
        assert str(worth["0.30"]["_id"]) in first[1]
        assert "0 adopted (0 of them rounded), 6 were ours already, 0 left as they are\n" == second[1]
        assert adopted == unchanged
        for amount, old in worth.items():
            expected = {"id": str(old["_id"]), "userId": str(old["userId"]), "balance": float(amount)}
            dates = {"createdAt": "2024-02-29T12:30:05.123Z", "updatedAt": "2025-01-15T12:45:30.000Z"}
            assert {**expected, **dates}.items() <= bodies[amount].items()
        assert answer.read.is_completed
        assert (Decimal("100.00"), Decimal("50.00")) == (await wallet.balance(rich), await wallet.balance(poor))
        await wallet.assert_books_fit()


async def test_what_cannot_be_adopted_exactly_waits_for_a_person(site: Site) -> None:
    """Each is listed with its id, exit 1, and stays as it is; it refuses postings until mended and migrated again."""
    good, twin = v1_wallet(balance=10), ObjectId()
    left = [v1_wallet(**changes) for changes in LEFT.values()]
    left += [v1_wallet(balance=1, userId=twin), v1_wallet(balance=2, userId=twin)]
    negative, refused = left[0], new_id()
    async with deployed(site, started=False) as wallet:
        await plant(wallet, good, *left)

        exit_code, listed, _ = await wallet.run("migrate", "--without-transactions")
        untouched = {str(document["_id"]): repr(document) for document in wallet.books.facts()["wallets"]}
        await wallet.process.start()
        await wallet.send(topup(refused, str(negative["userId"]), 5))
        refusal = await wallet.answers.last(refused)
        await wallet.process.terminate()
        wallet.books.database["wallets"].update_one({"_id": negative["_id"]}, {"$set": {"balance": 0}})
        again = await wallet.run("migrate")

        assert 1 == exit_code
        assert f"1 adopted (0 of them rounded), 0 were ours already, {len(left)} left as they are\n" in listed
        for document in left:
            assert str(document["_id"]) in listed
            assert repr(document["balance"]) in untouched[str(document["_id"])]
        assert (False, "Wallet suspended") == (refusal.read.is_completed, refusal.read.reason)
        assert 1 == again[0]
        assert f"1 adopted (0 of them rounded), 1 were ours already, {len(left) - 1} left as they are\n" in again[1]


async def test_v1s_wallets_are_not_taken_over_blindly(site: Site) -> None:
    """Without the transactions of v1 nothing is touched, exit 2, and it is said what is not known and what to give."""
    document = v1_wallet(balance=1)
    async with deployed(site, started=False) as wallet:
        await plant(wallet, document)

        exit_code, _, errors = await wallet.run("migrate")
        collections, stored = wallet.books.database.list_collection_names(), wallet.books.facts()["wallets"]
        _, _, waived = await wallet.run("migrate", "--without-transactions")

        assert 2 == exit_code
        assert (["wallets"], [document]) == (collections, stored)
        assert "its money moves a second time" in errors
        assert "--transactions-url" in errors
        assert "--without-transactions" in errors
        assert "its money moves a second time" in waived


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--transactions-url", "mongodb://root:hunter2@host/"), "no database"),
        (("--transactions-url", "mongodb://root:hunter2@127.0.0.1:1/mint_txns"), "root:***@127.0.0.1:1/mint_txns"),
        (("--transactions-url", "mongodb://root:hunter2@host/x?nonsense=hunter2"), "--transactions-url"),
        (("--transactions-url", "mongodb://a:hunter2@host/x", "--without-transactions"), "exclude each other"),
        (("--v1-stopped-at", "2026-11-22T14:00:00Z"), "goes with --transactions-url"),
        (("--transactions-url", "mongodb://a:hunter2@host/x", "--v1-stopped-at", "14:00"), "no instant"),
        (("--transactions-url", "EMPTY", "--v1-stopped-at", "2025-01-15T12:45:29Z"), "was changed after it"),
        (("--transactions-url", "SAME"), "books of the wallets"),
        (("--transactions-url", "EMPTY"), "has no transactions"),
    ],
    ids=["no name", "away", "unusable", "both", "half", "no instant", "too early", "our own", "nothing there"],
)
async def test_a_wrong_source_is_named_without_its_password(site: Site, arguments: tuple[str, ...], named: str) -> None:
    """Exit 2, a text that says which option is wrong, no password, no traceback, and nothing taken over."""
    async with deployed(site, started=False) as wallet:
        await plant(wallet, v1_wallet(balance=1))
        wallet.books.database.create_collection("transactions" if arguments[1] == "SAME" else "others")
        urls = {"SAME": wallet.settings["DATABASE_URL"], "EMPTY": site.mongod.url("mint_nothing")}

        exit_code, output, errors = await wallet.run("migrate", *(urls.get(word, word) for word in arguments))

        assert (2, "") == (exit_code, output)
        assert named in errors
        assert "hunter2" not in errors
        assert "Traceback" not in errors
        assert "balance" in wallet.books.facts()["wallets"][0]
