"""The repositories of one unit of work: every statement runs in its session, and takes any number of values.

Guards: a wallet is changed only while it has the version that was read, a record only while it has the state, revision
and dead letter that were read. What a transaction has read itself the server guards too (WriteConflict); what was read
before it began, for a batch that was decided ahead, the guards alone.

Wallets and entries are written in the order of their keys. Neighbours share pages of the server's trees, so it finds
the next one where it has just been, and a page of a statement lies in fewer places.
"""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from bson import Int64, ObjectId
from pymongo import ReplaceOne, UpdateMany

from adapters.mongo.client import Database, Session
from adapters.mongo.collection import Collection
from adapters.mongo.documents import (
    entry_to_document,
    owner_forms,
    record_from_document,
    record_to_document,
    wallet_to_document,
    wallets_by_user,
)
from adapters.mongo.fields import id_to
from adapters.mongo.wallet_changes import guarded_updates
from wallet_core.errors import ConcurrentUpdate
from wallet_core.ledger import Entry, TransactionRecord, to_milliseconds
from wallet_core.ports import PendingRow, RecordChange, WalletChange
from wallet_core.wallet import SuspendedWallet, Wallet


class MongoBooks:
    """``ports.Books`` of one unit of work."""

    def __init__(self, database: Database, session: Session) -> None:
        """Bind every collection to the session."""
        self.wallets = MongoWallets(database.collection("wallets", session))
        self.journal = MongoJournal(
            database.collection("transactions", session), database.collection("entries", session)
        )
        self.outbox = MongoOutbox(database.collection("outbox", session))


class MongoWallets:
    """``ports.WalletRepository``."""

    def __init__(self, wallets: Collection) -> None:
        """Take the collection, bound to a session."""
        self._wallets = wallets

    async def get_many(self, user_ids: Ids[str]) -> Mapping[str, Wallet | SuspendedWallet]:
        """Give the wallets of these users; see ``ports.WalletRepository.get_many``."""
        documents = await self._wallets.find({"userId": {"$in": owner_forms(user_ids)}}, rows_expected=len(user_ids))
        return wallets_by_user(documents)

    async def open_many(self, wallets: Sequence[Wallet]) -> None:
        """Add new wallets; a duplicate key is a race (``errors``)."""
        await self._wallets.insert_many([wallet_to_document(wallet) for wallet in wallets])

    async def change_many(self, changes: Sequence[WalletChange]) -> None:
        """Replace wallets that still have the version before, in the order of their ids."""
        in_order = sorted(changes, key=attrgetter("wallet.id"))
        found = await self._wallets.write_many([UpdateMany(*update) for update in guarded_updates(in_order)])
        if found != len(changes):
            raise ConcurrentUpdate(f"{len(changes) - found} of {len(changes)} wallets have another version by now")


class MongoJournal:
    """
    ``ports.Journal``.

    A taken key in ``entries`` is no race: the wallet's guarded change has matched in this same transaction, so nobody
    else can have appended to it. An entry exists that its wallet does not know of: StoreRejected, a person must look.
    """

    def __init__(self, transactions: Collection, entries: Collection) -> None:
        """Take the collections, bound to a session."""
        self._transactions = transactions
        self._entries = entries

    async def get_transactions(self, transaction_ids: Ids[str]) -> Mapping[str, TransactionRecord]:
        """Give the records by id; unknown ids are absent."""
        documents = await self._transactions.find(
            {"_id": {"$in": [id_to(id_) for id_ in transaction_ids]}}, rows_expected=len(transaction_ids)
        )
        records = map(record_from_document, documents)
        return {record.id: record for record in records}

    async def record_many(self, records: Sequence[TransactionRecord]) -> None:
        """Add records of new transactions; a duplicate key is a race (``errors``)."""
        await self._transactions.insert_many([record_to_document(record) for record in records])

    async def change_many(self, changes: Sequence[RecordChange]) -> None:
        """Replace records that still have the state and the revision before."""
        replacements = [ReplaceOne(_unchanged(change.before), record_to_document(change.record)) for change in changes]
        found = await self._transactions.write_many(replacements)
        if found != len(replacements):
            msg = f"{len(replacements) - found} of {len(replacements)} transactions have another state by now"
            raise ConcurrentUpdate(msg)

    async def append_many(self, entries: Sequence[Entry]) -> None:
        """Append entries, each wallet's beside each other."""
        in_order = sorted(entries, key=attrgetter("wallet_id"))
        await self._entries.insert_many([entry_to_document(entry) for entry in in_order])


class MongoOutbox:
    """
    ``ports.Outbox``: one document per unit of work.

    Its size is bounded by the batch: 3,000 answers (``WALLET_BATCH_MAX``) with ids of 64 characters, each with about
    10 bytes around it in an array, make 220 KB; 5,000 make 370 KB, far below the 4 MiB of the design.
    """

    def __init__(self, outbox: Collection) -> None:
        """Take the collection, bound to a session."""
        self._outbox = outbox

    async def add(self, transaction_ids: Sequence[str]) -> PendingRow | None:
        """Remember that these answers must be published. The time is for people, no rule depends on it."""
        if not transaction_ids:
            return None
        id_, created_at = ObjectId(), to_milliseconds(datetime.now(UTC))
        waiting = [id_to(transaction_id) for transaction_id in transaction_ids]
        await self._outbox.insert_many([{"_id": id_, "transactionIds": waiting, "createdAt": created_at}])
        return PendingRow(str(id_), tuple(transaction_ids), created_at)


def _unchanged(before: TransactionRecord) -> dict[str, object]:
    """Find a record that still has the state, the answer's revision and the dead letter that were read."""
    absent = {"$exists": False}
    return {
        "_id": id_to(before.id),
        "state": before.state.value,
        "answer.revision": absent if before.answer is None else Int64(before.revision),
        "deadLetterId": absent if before.dead_letter_id is None else before.dead_letter_id,
    }
