"""The books, for one command: connected and checked before it, closed after it; what is wrong is said plainly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adapters.mongo.client import Database, connect
from adapters.mongo.driver import Driver
from adapters.mongo.errors import UnsuitableStore
from entrypoints.screen import fail
from entrypoints.settings import Settings
from wallet_core.errors import ConcurrentUpdate, LedgerCorrupted, StoreUnavailable


async def with_books(settings: Settings, run: Callable[[Database], Awaitable[int]]) -> int:
    """Give what ``run`` gives; 2 if the books could not be read or written."""
    database: Database | None = None
    try:
        database = connect(settings.database_url.reveal(), driver=Driver(settings.wallet_mongo_driver))
        await database.check()
        return await run(database)
    except (UnsuitableStore, LedgerCorrupted) as error:
        fail(str(error))
        return 2
    except (StoreUnavailable, ConcurrentUpdate) as error:
        fail(f"{error}\nDATABASE_URL names {settings.database_url.redacted}")
        return 2
    finally:
        if database is not None:
            await database.close()
