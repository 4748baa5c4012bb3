"""What the core tells others: facts in the past tense."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Vocabulary(StrEnum):
    """Which of the two dialects of the field a message is written in; answers go out in the dialect of the question."""

    DOCUMENTED = "documented"
    V1 = "v1"


class FinalStatus(StrEnum):
    """How a transaction ended, for its producer."""

    COMPLETED = "completed"
    FAILED = "failed"


class TransactionFinalized(NamedTuple):
    """
    Our answer about one transaction, recorded with it.

    ``revision`` is 1, and 2 for the answer after a reversal. ``user_id`` is the initiator (who tops up, who sends) when
    it could be read. ``reason`` is set when ``status`` is failed, at most 200 characters.
    """

    transaction_id: str
    revision: int
    status: FinalStatus
    reason: str | None
    user_id: str | None
    vocabulary: Vocabulary
    finalized_at: datetime
