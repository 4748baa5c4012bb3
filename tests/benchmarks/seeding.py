"""Large books, filled before the first measurement that asks for them, and used by all of those.

``BOOKS``: users with a thousand entries each, a million in all: read over HTTP, and audited. ``MOVING``: as many users
with a hundred entries each, who pay each other between their looks. ``LONG``: one wallet with a million entries, and
one with a thousand. ``MANY``: a million wallets with an opening balance each, on a mongod of their own, that has been
stopped and started since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import ExitStack

from pymongo.database import Database

from tests.benchmarks.bench import Bench
from tests.benchmarks.ledger import prepare_database
from tests.benchmarks.program import started
from tests.benchmarks.servers import Document, Servers

BOOKS = "bench_books"
MOVING = "bench_moving"
LONG = "bench_long"
MANY = "bench_many"

FILLED_S_MAX = 1_200.0
"""Longest that filling may take, seconds; measured 100 to 200 for a million."""

SEEDERS = 2
"""Processes that open the million wallets: as many as there are cores."""


MOVING_ENTRIES_EACH = 100
"""Two pages, so that the newest one is full and not the last. What a page costs does not depend on it (``long``)."""

NEEDED = {"reads": (BOOKS, MOVING), "audit": (BOOKS,), "long": (LONG,)}
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


async def many_opened(servers: Servers, wallets: int, stack: ExitStack) -> Servers:
    """
    Give a mongod where so many wallets were opened long ago; ``stack`` stops it.

    The server that has opened them keeps its pages as lists of what was inserted: until they leave its memory, it walks
    such a list for each wallet that it finds or changes. Wallets are opened over years, not in a minute: so that server
    is stopped, and another one reads what it has written.
    """
    with servers.with_own_mongod(MANY) as opening:
        await _open(opening.mongod.url(MANY), wallets)
        opening.mongo.admin.command("fsync")  # else stopping would
    running = stack.enter_context(servers.with_own_mongod(MANY))
    _read_in(running.mongo[MANY])
    return running


async def _open(url: str, wallets: int) -> None:
    await prepare_database(url)
    share = -(-wallets // SEEDERS)
    firsts = range(0, wallets, share)
    ends = [min(first + share, wallets) for first in firsts]
    await asyncio.gather(*(_seed("wallets", url, first, end) for first, end in zip(firsts, ends, strict=True)))


def _read_in(database: Database[Document]) -> None:
    """Let the server read every document and every index once, as one has that runs for a while."""
    for name in database.list_collection_names():
        database.validate_collection(name)


async def _fill(bench: Bench, name: str) -> None:
    url, effort = bench.servers.mongod.url(name), bench.effort
    await prepare_database(url)
    if name == LONG:
        await _seed("topups", url, effort.entries_long, effort.entries_short)
    else:
        each = MOVING_ENTRIES_EACH if name == MOVING else effort.entries_each
        await _seed("transfers", url, effort.readers, each)


async def _seed(what: str, url: str, *numbers: int) -> None:
    async with started("seeder", what, url, *map(str, numbers)) as seeder:
        await seeder.end(FILLED_S_MAX)
