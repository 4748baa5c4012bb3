"""Lists the transactions whose reversal waits for money: the state, not the message, is the truth about them."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.mongo.client import Database
from adapters.mongo.documents import record_from_document
from wallet_core.ledger import TransactionRecord, TransactionState


async def reversals_due(database: Database, records_max: int) -> Sequence[TransactionRecord]:
    """Give the oldest of them, through an index that holds nothing else. Raises StoreUnavailable."""
    documents = await database.collection("transactions").find(
        {"state": TransactionState.REVERSAL_DUE.value},
        sort=[("dueSince", 1)],
        limit=records_max,
        rows_expected=records_max,
    )
    return [record_from_document(document) for document in documents]
