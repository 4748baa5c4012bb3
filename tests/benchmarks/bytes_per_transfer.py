"""What a transfer leaves behind in MongoDB: bytes of documents, of indexes, on the disk, in the oplog; and a wallet.

::

    python -m tests.benchmarks.bytes_per_transfer  writes its section of docs/scaling/measured.json

Real events go through a real service, so that keys arrive in the order in which they would. Sizes on the disk are what
the files hold without the room that they keep for reuse, behind a checkpoint, before and after; the oplog is added up,
entry by entry; what the storage engine has written (data files and journal) is its own count. Each member of a replica
set has all of it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bson import Timestamp
from pymongo import MongoClient
from pymongo.database import Database

from tests.benchmarks.conservation import Ledger
from tests.benchmarks.drain import Work, drain_wallet
from tests.benchmarks.fast_loop import run_fast
from tests.benchmarks.ledger import open_wallets, prepare_database
from tests.benchmarks.measured import keep
from tests.benchmarks.servers import MOTOR, Servers, servers
from tests.benchmarks.transfers import Shape, draw

SECTION = "bytes"

SHAPE = Shape(transfers=60_000, wallets=100_000)
"""So many that pages of index and data are full, and so few that the oplog of a private mongod still has all of it."""

COLLECTIONS = ("wallets", "entries", "transactions", "outbox")

GROWING = ("entries", "transactions")
"""What a transfer adds to; a wallet only changes, and the outbox is empty in the end."""

Document = dict[str, Any]

Bytes = dict[str, int]
"""Bytes by part: documents uncompressed, and documents and indexes as they are on the disk."""


def sizes(database: Database[Document]) -> dict[str, Bytes]:
    """Give the bytes of each collection, behind a checkpoint."""
    database.client.admin.command("fsync")
    return {name: _size(database.command("collStats", name, indexDetails=True)) for name in COLLECTIONS}


def each(after: Bytes, before: Bytes | None, count: int) -> Bytes:
    """Give what each of ``count`` has added."""
    return {part: round((after[part] - (before or {}).get(part, 0)) / count) for part in after}


def written(client: MongoClient[Document]) -> dict[str, int]:
    """Give what the storage engine has written so far, bytes."""
    engine = client.admin.command("serverStatus")["wiredTiger"]
    return {
        "data_files": engine["block-manager"]["bytes written"],
        "journal": engine["log"]["log bytes written"],
    }


def oplog_bytes(client: MongoClient[Document], since: Timestamp) -> int:
    """Add up the oplog behind an instant. Raises AssertionError if it does not reach back so far."""
    oplog = client["local"]["oplog.rs"]
    assert next(oplog.find().sort("$natural", 1).limit(1))["ts"] <= since, "the oplog is too short"
    behind = {"$match": {"ts": {"$gt": since}}}
    (found,) = oplog.aggregate([behind, {"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}])
    return int(found["bytes"])


async def measure(servers: Servers) -> None:
    """Drain a load, compare, and keep what was found."""
    with servers.place() as place:
        await prepare_database(place.database_url)
        open_wallets(place.database, range(SHAPE.wallets))
        before, written_before = sizes(place.database), written(servers.mongo)
        since = servers.mongo.admin.command("hello")["lastWrite"]["opTime"]["ts"]
        drained = await drain_wallet(servers, place, Ledger.opened(SHAPE.wallets), draw(SHAPE, 0), Work(MOTOR))
        after, written_after = sizes(place.database), written(servers.mongo)
        oplog = oplog_bytes(servers.mongo, since)
    keep(
        SECTION,
        {
            "transfers": SHAPE.transfers,
            "wallets": SHAPE.wallets,
            "rate_per_s": round(drained.rate_per_s),
            "of_a_transfer": {name: each(after[name], before[name], SHAPE.transfers) for name in GROWING},
            "oplog_of_a_transfer": round(oplog / SHAPE.transfers),
            "written_for_a_transfer": {
                name: round((written_after[name] - written_before[name]) / SHAPE.transfers) for name in written_after
            },
            "of_a_wallet": each(after["wallets"], None, SHAPE.wallets),
        },
    )


def _size(stats: Document) -> Bytes:
    return {
        "documents": stats["size"],
        "documents_on_disk": _used(stats["wiredTiger"]),
        "indexes_on_disk": sum(map(_used, stats["indexDetails"].values())),
    }


def _used(file: Document) -> int:
    """Give the bytes of a file that are in use."""
    blocks = file["block-manager"]
    return int(blocks["file size in bytes"] - blocks["file bytes available for reuse"])


def main() -> None:
    """Measure, and keep what was found."""
    with tempfile.TemporaryDirectory(prefix="wallet-bench-") as folder, servers(Path(folder)) as both:
        run_fast(measure(both))


if __name__ == "__main__":
    main()
