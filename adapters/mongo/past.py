"""The past of a transaction, read for its explanation: documents by their ids, instants by ``recorded_times``.

Nothing is written, and nothing is scanned: a user that may read is enough. The reads are no snapshot. They need none:
entries never change, and a record names those that were committed with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from adapters.mongo.client import Database
from adapters.mongo.cutover import CUTOVER
from adapters.mongo.documents import entry_from_document, entry_key
from adapters.mongo.fields import id_to, integer, optional_instant, subdocument
from adapters.mongo.recorded_times import last_recorded
from adapters.mongo.repositories import MongoJournal, MongoWallets
from wallet_core.ledger import Entry, TransactionRecord
from wallet_core.leg_audit import EntryKey, key_of
from wallet_core.wallet import SuspendedWallet, Wallet

SEQUENCE_MAX = 2**63 - 1
"""The largest that the database can hold: a bound behind every entry of a wallet."""


class MongoPast:
    """``past.Past`` on MongoDB."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database
        self._entries = database.collection("entries")
        self._wallets = MongoWallets(database.collection("wallets"))
        self._journal = MongoJournal(database.collection("transactions"), self._entries)

    async def transaction(self, transaction_id: str) -> TransactionRecord | None:
        """Give the record of a transaction; see ``past.Past.transaction``."""
        return (await self._journal.get_transactions([transaction_id])).get(transaction_id)

    async def wallets(self, user_ids: Collection[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        """Give these users' wallets as they are now; see ``past.Past.wallets``."""
        return await self._wallets.get_many(user_ids)

    async def entries(self, keys: Collection[EntryKey]) -> Mapping[EntryKey, Entry]:
        """Give these entries; see ``past.Past.entries``."""
        ids = [entry_key(wallet_id, sequence) for wallet_id, sequence in keys]
        documents = await self._entries.find({"_id": {"$in": ids}}, rows_expected=len(ids))
        return {key_of(entry): entry for entry in map(entry_from_document, documents)}

    async def sequence_at(self, wallet_id: str, instant: datetime) -> int:
        """Give the sequence of the last entry recorded at an instant or before; see ``past.Past.sequence_at``."""
        newest = await self._entries.find(
            {"_id": {"$gte": entry_key(wallet_id, 1), "$lte": entry_key(wallet_id, SEQUENCE_MAX)}},
            projection={"_id": 1},
            sort=[("_id", -1)],
            limit=1,
            rows_expected=1,
        )
        last = integer(subdocument(newest[0], "_id"), "n") if newest else 0
        return await last_recorded(self._entries, wallet_id, last, lambda recorded_at: recorded_at <= instant)

    async def not_applied_at(self, transaction_id: str) -> datetime | None:
        """
        Say when a person has said that the wallet service before ours has not applied it; None if nobody has.

        Raises StoreUnavailable.
        """
        found = await self._database.collection(CUTOVER).find({"_id": id_to(transaction_id)}, rows_expected=1)
        return optional_instant(found[0], "notAppliedAt") if found else None
