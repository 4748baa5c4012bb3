"""Which entry of a wallet was the last before an instant: found by its sequence, in a few queries by ``_id``.

Time never goes back within a wallet, so no index on it is needed: each query reads PROBES entries that lie evenly in
what is still open, and leaves one of the parts between them. A million entries take four queries. An index would take
one, but each posting would have to write it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from math import ceil

from adapters.mongo.collection import Collection
from adapters.mongo.documents import entry_key
from adapters.mongo.fields import RUN_AUDIT, instant, integer, subdocument
from wallet_core.errors import LedgerCorrupted

PROBES = 32
"""Entries that one query reads: a round trip costs as much as some 30 of them."""


async def last_recorded(entries: Collection, wallet_id: str, last: int, is_before: Callable[[datetime], bool]) -> int:
    """
    Give the last sequence up to ``last`` whose instant ``is_before`` what is looked for; 0 if there is none.

    Raises StoreUnavailable, and LedgerCorrupted for an entry that is missing.
    """
    before, behind = 0, last + 1
    while behind - before > 1:
        step = ceil((behind - before) / (PROBES + 1))
        probes = list(range(before + step, behind, step))
        found = await _instants(entries, wallet_id, probes)
        for sequence in probes:
            if sequence not in found:
                raise LedgerCorrupted(f"entry {wallet_id}/{sequence} is missing{RUN_AUDIT}")
            if not is_before(found[sequence]):
                behind = sequence
                break
            before = sequence
    return before


async def _instants(entries: Collection, wallet_id: str, sequences: list[int]) -> dict[int, datetime]:
    documents = await entries.find(
        {"_id": {"$in": [entry_key(wallet_id, sequence) for sequence in sequences]}},
        projection={"recordedAt": 1},
        rows_expected=len(sequences),
    )
    return {integer(subdocument(document, "_id"), "n"): instant(document, "recordedAt") for document in documents}
