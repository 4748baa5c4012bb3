"""Reads that come together: one query for all, and to each what is his, whatever is wrong with the others'."""

import asyncio
from collections.abc import Sequence

from bson import ObjectId
from pymongo import MongoClient

from adapters.mongo.documents import wallet_to_document
from tests.integration.fail_points import failing
from tests.integration.mongo_bank import Bank
from wallet_core.errors import LedgerCorrupted, StoreUnavailable
from wallet_core.ledger import Entry
from wallet_core.ports import StatementQuery
from wallet_core.testing.conformance.store import ALICE, BOB, DORA, NOON, error_of, page_of
from wallet_core.wallet import Wallet

Client = MongoClient[dict[str, object]]


def sequences(entries: Sequence[Entry] | None) -> list[int]:
    """Give the sequences of a page."""
    return [entry.sequence for entry in entries or ()]


async def test_balances_asked_together_cost_one_query(bank: Bank) -> None:
    """Thirty requests of one moment are one ``find``, and each gets the wallet that it asked for."""
    users = [ALICE, BOB, DORA] * 10

    wallets = await asyncio.gather(*map(bank.reader.wallet_of, users))

    assert {"find wallets": 1} == bank.observer.statements
    assert [ALICE, BOB, None] * 10 == [wallet and wallet.user_id for wallet in wallets]


async def test_pages_asked_together_cost_two_queries(bank: Bank) -> None:
    """Pages of several users, and different pages of one, are a ``find`` of wallets and one of entries."""
    for number in range(5):
        await bank.transfer(number, 100)
    bank.observer.clear()
    queries = [StatementQuery(ALICE, 2), StatementQuery(BOB, 9), StatementQuery(ALICE, 3, 4), StatementQuery(DORA, 9)]

    pages = await asyncio.gather(*(page_of(bank.reader, query) for query in queries))

    assert {"find wallets": 1, "find entries": 1} == bank.observer.statements
    assert [[6, 5], [6, 5, 4, 3, 2, 1], [3, 2, 1], []] == list(map(sequences, pages))
    assert pages[3] is None


async def test_a_damaged_wallet_is_an_error_for_its_owner_alone(bank: Bank, mongo_client: Client) -> None:
    """Who asks in the same moment as the owner of a damaged document gets his own wallet."""
    damage = {"q": {"userId": ObjectId(ALICE)}, "u": {"$set": {"balanceMinor": "much"}}}
    books = mongo_client[bank.database.name]
    books.command({"update": "wallets", "updates": [damage], "bypassDocumentValidation": True})

    error, wallet = await asyncio.gather(error_of(bank.reader.wallet_of(ALICE)), bank.reader.wallet_of(BOB))

    assert {"find wallets": 1} == bank.observer.statements
    assert isinstance(error, LedgerCorrupted)
    assert isinstance(wallet, Wallet)


async def test_a_damaged_entry_is_an_error_for_its_owner_alone(bank: Bank, mongo_client: Client) -> None:
    """Who asks in the same moment as the owner of a damaged entry gets his own page."""
    await bank.transfer()
    wallet = await bank.reader.wallet_of(ALICE)
    assert wallet is not None
    damage = {"q": {"_id.w": ObjectId(wallet.id)}, "u": {"$set": {"amountMinor": "much"}}}
    books = mongo_client[bank.database.name]
    books.command({"update": "entries", "updates": [damage], "bypassDocumentValidation": True})

    error, page = await asyncio.gather(
        error_of(page_of(bank.reader, StatementQuery(ALICE, 9))), page_of(bank.reader, StatementQuery(BOB, 9))
    )

    assert isinstance(error, LedgerCorrupted)
    assert [2, 1] == sequences(page)


async def test_a_second_wallet_of_another_form_shows_neither(bank: Bank, mongo_client: Client) -> None:
    """Beside ours lies one of v1's whose owner is text in upper case: which counts is for a person to say."""
    user_id = "507f1f77bcf86cd7994390ab"
    ours = wallet_to_document(Wallet.open(user_id, "USD", NOON))
    left_by_v1 = {"userId": user_id.upper(), "balance": 5.0}
    books = mongo_client[bank.database.name]
    books.command({"insert": "wallets", "documents": [ours, left_by_v1], "bypassDocumentValidation": True})

    wallets = await asyncio.gather(*map(bank.reader.wallet_of, (user_id, BOB)))

    assert [None, BOB] == [wallet and wallet.user_id for wallet in wallets]


async def test_an_outage_is_told_to_each(bank: Bank, mongo_client: Client) -> None:
    """When the shared query fails, each gets an error of his own, and the next one who asks an answer."""
    with failing(mongo_client, ["find"], errorCode=13):
        errors = await asyncio.gather(*(error_of(bank.reader.wallet_of(user)) for user in (ALICE, BOB, ALICE)))

    assert [StoreUnavailable] * 3 == [type(error) for error in errors]
    assert 3 == len({id(error) for error in errors})
    assert await bank.reader.wallet_of(BOB)
