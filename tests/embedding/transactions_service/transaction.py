"""A transaction of a user, and how its status changes. Amounts are whole cents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tests.embedding.transactions_service.answer import Answer


class Kind(StrEnum):
    """What a user wants."""

    TOPUP = "topup"
    TRANSFER = "transfer"


class Status(StrEnum):
    """How far a transaction is. Only the wallet's answer makes it ``COMPLETED``: before that no money has moved."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Transaction:
    """
    One transaction. ``user_id`` is who tops up or sends; ``reason`` says why it failed.

    ``revision`` is that of the last answer of the wallet which we have read, 0 before the first.
    """

    id: str
    kind: Kind
    user_id: str
    recipient_id: str | None
    amount_cents: int
    status: Status = Status.PENDING
    reason: str | None = None
    revision: int = 0

    def processing(self) -> Transaction:
        """Wait for the wallet's answer."""
        return replace(self, status=Status.PROCESSING)

    def failed(self, reason: str) -> Transaction:
        """Fail, before the wallet has ever heard of it."""
        return replace(self, status=Status.FAILED, reason=reason)

    def answered(self, answer: Answer) -> Transaction:
        """Take an answer. A copy of one that we know, or one that a newer has overtaken, changes nothing."""
        if answer.revision <= self.revision:
            return self
        status = Status.COMPLETED if answer.is_completed else Status.FAILED
        return replace(self, status=status, reason=answer.reason, revision=answer.revision)
