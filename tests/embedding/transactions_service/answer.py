"""``wallet.transactionFinalized``: the wallet's answer about a transaction of ours. Fields that are new to us are fine.

The wallet tells us at least once, so the same answer may come twice. ``revision`` is 1, and 2 for the answer after the
money has been taken back: the answer with the highest revision is the one in the wallet's books.
"""

from __future__ import annotations

import json
from dataclasses import dataclass


class UnreadableAnswer(Exception):
    """A body that is no answer; reading it again would not help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; ``reason`` says why, when it is not completed."""

    transaction_id: str
    is_completed: bool
    reason: str | None
    revision: int


def read_answer(body: bytes) -> Answer:
    """Read the body of a message. Raises UnreadableAnswer."""
    try:
        message = json.loads(body)
        is_completed = {"completed": True, "failed": False}[message["status"]]
        return Answer(message["transactionId"], is_completed, message.get("reason"), message["revision"])
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableAnswer(f"{body[:200]!r} is no wallet.transactionFinalized: {error!r}") from error
