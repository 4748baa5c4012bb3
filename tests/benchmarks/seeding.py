"""Large books, filled before the first measurement that asks for them, and used by all of those.

``BOOKS``: users with a thousand entries each, a million in all: read over HTTP, and audited. ``LONG``: one wallet with
a million entries, and one with a thousand. A million wallets with an opening balance each have a mongod of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from tests.benchmarks.bench import Bench
from tests.benchmarks.ledger import prepare_database
from tests.benchmarks.program import started

BOOKS = "bench_books"
LONG = "bench_long"

FILLED_S_MAX = 1_200.0
"""Longest that filling may take, seconds; measured 100 to 200 for a million."""

SEEDERS = 2
"""Processes that open the million wallets: as many as there are cores."""


NEEDED = {"reads": (BOOKS,), "audit": (BOOKS,), "long": (LONG,)}
"""Which of them a row needs."""


async def seeded(bench: Bench, rows: Collection[str]) -> None:
    """Fill what the chosen of these rows need, side by side, and wait until all of it is written to files."""
    needed = {name for row in bench.chosen.intersection(rows) for name in NEEDED.get(row, ())}
    names = needed.difference(bench.servers.mongo.list_database_names())
    if not names:
        return
    bench.tell(f"== filling {', '.join(sorted(names))}")
    await asyncio.gather(*(_fill(bench, name) for name in names))
    bench.servers.mongo.admin.command("fsync")  # else it would do so beside the first measurement


async def open_many(url: str, wallets: int) -> None:
    """Open so many wallets in the database at ``url``."""
    await prepare_database(url)
    share = -(-wallets // SEEDERS)
    firsts = range(0, wallets, share)
    ends = [min(first + share, wallets) for first in firsts]
    await asyncio.gather(*(_seed("wallets", url, first, end) for first, end in zip(firsts, ends, strict=True)))


async def _fill(bench: Bench, name: str) -> None:
    url, effort = bench.servers.mongod.url(name), bench.effort
    await prepare_database(url)
    if name == BOOKS:
        await _seed("transfers", url, effort.readers, effort.entries_each)
    else:
        await _seed("topups", url, effort.entries_long, effort.entries_short)


async def _seed(what: str, url: str, *numbers: int) -> None:
    async with started("seeder", what, url, *map(str, numbers)) as seeder:
        await seeder.end(FILLED_S_MAX)
