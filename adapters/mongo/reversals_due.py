"""Lists the transactions whose reversal waits for money: the state, not the message, is the truth about them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from adapters.mongo.client import Database
from adapters.mongo.documents import record_from_document
from wallet_core.errors import LedgerCorrupted
from wallet_core.ledger import TransactionRecord, TransactionState


async def reversals_due(database: Database, records_max: int) -> Sequence[TransactionRecord]:
    """
    Give the oldest of them, through an index that holds nothing else. Raises StoreUnavailable.

    One that cannot be read is left away: the audit tells of it.
    """
    documents = await database.collection("transactions").find(
        {"state": TransactionState.REVERSAL_DUE.value},
        sort=[("dueSince", 1)],
        limit=records_max,
        rows_expected=records_max,
    )
    records = []
    for document in documents:
        with suppress(LedgerCorrupted):
            records.append(record_from_document(document))
    return records
