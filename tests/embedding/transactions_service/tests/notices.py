"""What users are told, as a test looks at it."""

from __future__ import annotations

from tests.embedding.transactions_service.transaction import Transaction


class Notices:
    """Takes the place of the e-mails."""

    def __init__(self) -> None:
        """Nobody has been told anything."""
        self._told: list[Transaction] = []

    def __call__(self, transaction: Transaction) -> None:
        """Tell the user of a transaction."""
        self._told.append(transaction)

    def about(self, transaction_id: str) -> list[str]:
        """Give what was said about a transaction: its status, and why if it failed."""
        told = [transaction for transaction in self._told if transaction.id == transaction_id]
        return [
            transaction.status.value + (f": {transaction.reason}" if transaction.reason else "") for transaction in told
        ]
