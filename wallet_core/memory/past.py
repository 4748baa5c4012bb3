"""The past of the books in memory, for explanations of what happened in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from datetime import datetime

from wallet_core.ledger import Entry, TransactionRecord
from wallet_core.leg_audit import EntryKey
from wallet_core.memory.store import MemoryStore
from wallet_core.ports import Books
from wallet_core.wallet import SuspendedWallet, Wallet


class MemoryPast:
    """``past.Past`` over a MemoryStore."""

    def __init__(self, store: MemoryStore) -> None:
        """Take the books."""
        self._store = store

    async def transaction(self, transaction_id: str) -> TransactionRecord | None:
        """Give the record of a transaction; None while nobody knows it."""

        async def read(books: Books) -> Mapping[str, TransactionRecord]:
            return await books.journal.get_transactions([transaction_id])

        return (await self._store.run(read)).get(transaction_id)

    async def wallets(self, user_ids: Collection[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        """Give these users' wallets as they are now; who has none is absent."""

        async def read(books: Books) -> Mapping[str, Wallet | SuspendedWallet]:
            return await books.wallets.get_many(user_ids)

        return await self._store.run(read)

    async def entries(self, keys: Collection[EntryKey]) -> Mapping[EntryKey, Entry]:
        """Give these entries; one that does not exist is absent."""
        of_wallets = {wallet_id: self._store.entries_of(wallet_id) for wallet_id, _ in keys}
        return {
            (wallet_id, sequence): of_wallets[wallet_id][sequence - 1]
            for wallet_id, sequence in keys
            if 0 < sequence <= len(of_wallets[wallet_id])
        }

    async def sequence_at(self, wallet_id: str, instant: datetime) -> int:
        """Give the sequence of the last entry recorded at an instant or before it; 0 if there is none."""
        return bisect_right(self._store.entries_of(wallet_id), instant, key=lambda entry: entry.recorded_at)
