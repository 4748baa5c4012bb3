"""Fills a database as its own process, so that two of them use both cores.

::

    python -m tests.benchmarks.seeder wallets DATABASE_URL FIRST END
    python -m tests.benchmarks.seeder transfers DATABASE_URL WALLETS ENTRIES_EACH
    python -m tests.benchmarks.seeder topups DATABASE_URL ENTRIES ...

``wallets`` opens and funds the wallets of the users FIRST to END, ``transfers`` lets everybody have so many entries,
``topups`` fills one wallet for each number.

The collections must be there (``ledger.prepare_database``).
"""

from __future__ import annotations

import random
import sys

from pymongo import MongoClient
from pymongo.database import Database

from tests.benchmarks.ledger import Bulk, Document, open_wallets
from tests.benchmarks.transfers import user_id

TOPUP = 1_000_000
"""Dollars that each wallet of ``transfers`` begins with: its first entry."""


def transfers(database: Database[Document], wallets: int, entries_each: int) -> None:
    """
    Let everybody have exactly so many entries: a top-up, and transfers of one dollar.

    Each round pairs all users by chance, so the number of entries is one more for each round. ``wallets`` must be even.
    """
    users = [user_id(number) for number in range(wallets)]
    bulk = Bulk(database, users)
    bulk.topups((user, TOPUP) for user in users)
    chance = random.Random(wallets)  # noqa: S311 - draws a load, guards nothing
    for _ in range(entries_each - 1):
        chance.shuffle(users)
        bulk.transfers(zip(users[::2], users[1::2], strict=True))
    bulk.finish()


def topups(database: Database[Document], entries: list[int]) -> None:
    """Give the first user as many top-ups as the first number says, and so on."""
    users = [user_id(number) for number in range(len(entries))]
    bulk = Bulk(database, users)
    for user, count in zip(users, entries, strict=True):
        bulk.topups((user, 1) for _ in range(count))
    bulk.finish()


def main() -> None:
    """Fill a database."""
    what, url, *numbers = sys.argv[1:]
    with MongoClient[Document](url, tz_aware=True, appname="bench") as client:
        database = client.get_default_database()
        match what, list(map(int, numbers)):
            case "wallets", [first, end]:
                open_wallets(database, range(first, end))
            case "transfers", [wallets, entries_each]:
                transfers(database, wallets, entries_each)
            case "topups", entries:
                topups(database, entries)
            case _:
                raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
