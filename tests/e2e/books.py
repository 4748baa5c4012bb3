"""The books in MongoDB, as a person would look at them: only read, by the plain driver."""

from __future__ import annotations

from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database

BOOKS = ("wallets", "entries", "transactions")
"""The collections that hold money; the outbox and the lease come and go."""

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Books:
    """The database of one service."""

    database: Database[Document]

    def facts(self) -> dict[str, list[Document]]:
        """Give everything that the books hold, so that two instants can be compared."""
        return {name: list(self.database[name].find().sort("_id", 1)) for name in BOOKS}

    def state(self, transaction_id: str) -> str | None:
        """Give the recorded state of a transaction; None without a record."""
        record = self.database["transactions"].find_one({"_id": ObjectId(transaction_id)})
        return None if record is None else str(record["state"])

    def entries(self, transaction_id: str) -> int:
        """Count the entries of a transaction."""
        return self.database["entries"].count_documents({"transactionId": ObjectId(transaction_id)})

    def outbox(self) -> int:
        """Count the rows that wait to be published."""
        return self.database["outbox"].count_documents({})
