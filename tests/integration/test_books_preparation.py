"""What is looked at before the first event."""

from datetime import UTC, datetime

import pytest

from adapters.mongo.client import Database
from adapters.mongo.unit_of_work import MongoUnitOfWork
from entrypoints.books_preparation import prepare_books
from entrypoints.start_refused import StartRefused
from wallet_core.money import Currency
from wallet_core.ports import Books
from wallet_core.wallet import Wallet

EUR, USD = Currency("EUR", 2), Currency("USD", 2)


async def test_books_of_another_currency_are_refused(database: Database) -> None:
    """A service set to another currency than the wallets are kept in does not start, and says both."""

    async def open_wallet(books: Books) -> None:
        await books.wallets.open_many([Wallet.open("ada", "USD", datetime(2025, 1, 15, tzinfo=UTC))])

    await MongoUnitOfWork(database).run(open_wallet)

    with pytest.raises(StartRefused, match="kept in USD, and WALLET_CURRENCY is EUR"):
        await prepare_books(database, EUR)


async def test_books_of_our_currency_are_prepared_again(database: Database) -> None:
    """Preparing books that are prepared, empty or in our currency, changes nothing and refuses nothing."""
    await prepare_books(database, USD)
    await prepare_books(database, USD)
