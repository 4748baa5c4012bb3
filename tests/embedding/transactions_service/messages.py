"""What we publish about a transaction, as the documents of the system write it.

``cents / 100`` is the float nearest to the decimal, and JSON writes its shortest form: up to 10^15 cents (the most that
the wallet takes) that is exactly the decimal.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tests.embedding.transactions_service.transaction import Transaction

COMPLETED_KEY = "transaction.completed"
FAILED_KEY = "transaction.failed"
"""The routing keys."""

Message = dict[str, object]


def completed_message(transaction: Transaction) -> Message:
    """Say that a transaction has completed, so its money is to move."""
    return {**_about(transaction), "completedAt": _now()}


def failed_message(transaction: Transaction, reason: str) -> Message:
    """Say that a transaction has failed, so its money is not to move, or goes back."""
    return {**_about(transaction), "reason": reason, "failedAt": _now()}


def _about(transaction: Transaction) -> Message:
    message: Message = {
        "transactionId": transaction.id,
        "type": transaction.kind.value,
        "userId": transaction.user_id,
        "amount": transaction.amount_cents / 100,
    }
    if transaction.recipient_id is not None:
        message["recipientId"] = transaction.recipient_id
    return message


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
