"""Prepare the books before the first event: a suitable database, v1's wallets adopted, everything made."""

from __future__ import annotations

import stamina

from adapters.mongo.adoption import unmigrated
from adapters.mongo.books_currency import books_currency
from adapters.mongo.client import Database
from adapters.mongo.errors import UnsuitableStore
from adapters.mongo.indexes import prepare
from entrypoints.start_refused import StartRefused
from wallet_core.errors import StoreUnavailable
from wallet_core.money import Currency

WAIT_MAX_S = 10.0
"""Longest pause between two looks for a database that is away; the first is short, they grow in between."""

OTHER_CURRENCY = "the wallets are kept in {}, and WALLET_CURRENCY is {}: set it to what the books are kept in"
NOT_MIGRATED = "the database holds wallets of v1 that were not adopted ({}): run 'wallet migrate', then start again"


async def prepare_books(database: Database, currency: Currency) -> None:
    """
    Wait for the database and make what is missing in it.

    Raises StartRefused for a server that cannot hold the books, for a v1 database that was not migrated, and for books
    of another currency.
    """
    async for attempt in stamina.retry_context(
        on=StoreUnavailable, attempts=None, timeout=None, wait_initial=0.2, wait_max=WAIT_MAX_S, wait_jitter=0.5
    ):
        with attempt:
            await _prepare_once(database, currency)


async def _prepare_once(database: Database, currency: Currency) -> None:
    try:
        await database.check()
        if unknown := await unmigrated(database):
            raise StartRefused(NOT_MIGRATED.format(", ".join(unknown)))
        await require_currency(database, currency)
        await prepare(database)
    except UnsuitableStore as error:
        raise StartRefused(str(error)) from error


async def require_currency(database: Database, currency: Currency) -> None:
    """Refuse to touch books of another currency. Raises StartRefused, and StoreUnavailable."""
    kept_in = await books_currency(database)
    if kept_in not in (None, currency.code):
        raise StartRefused(OTHER_CURRENCY.format(kept_in, currency.code))
