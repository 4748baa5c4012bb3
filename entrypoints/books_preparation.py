"""Prepare the books before the first event: a suitable database, v1's wallets adopted, everything made."""

from __future__ import annotations

import stamina

from adapters.mongo.adoption import unmigrated
from adapters.mongo.client import Database
from adapters.mongo.errors import UnsuitableStore
from adapters.mongo.indexes import prepare
from entrypoints.start_refused import StartRefused
from wallet_core.errors import StoreUnavailable

WAIT_MAX_S = 10.0
"""Longest pause between two looks for a database that is away; the first is short, they grow in between."""

NOT_MIGRATED = "the database holds wallets of v1 that were not adopted ({}): run 'wallet migrate', then start again"


async def prepare_books(database: Database) -> None:
    """
    Wait for the database and make what is missing in it.

    Raises StartRefused for a server that cannot hold the books, and for a v1 database that was not migrated.
    """
    async for attempt in stamina.retry_context(
        on=StoreUnavailable, attempts=None, timeout=None, wait_initial=0.2, wait_max=WAIT_MAX_S, wait_jitter=0.5
    ):
        with attempt:
            try:
                await database.check()
                if unknown := await unmigrated(database):
                    raise StartRefused(NOT_MIGRATED.format(", ".join(unknown)))
                await prepare(database)
            except UnsuitableStore as error:
                raise StartRefused(str(error)) from error
