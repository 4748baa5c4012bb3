"""Fresh answers: what this process has committed a moment ago and its relay is about to publish.

They are in memory still, so the relay need not read them back; it only asks the books for newer ones. A transaction and
a revision name one answer for ever, so an answer from here is the one in the books as long as no newer one is there.

Bounds: ANSWERS_MAX, the oldest leave first. What is not here is read: nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from wallet_core.events import TransactionFinalized

ANSWERS_MAX = 12_000
"""Answers kept, some 6 MB of the usual size: those of one round of the relay (four rows of 3,000 by default)."""


class FreshAnswers:
    """Answers by transaction, from the intake to the relay of one process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._answers: dict[str, TransactionFinalized] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._answers)

    def remember(self, answers: Iterable[TransactionFinalized]) -> None:
        """Keep answers that are committed, each in place of an older one of its transaction."""
        for answer in answers:
            self._answers.pop(answer.transaction_id, None)
            self._answers[answer.transaction_id] = answer
        too_many = max(0, len(self._answers) - ANSWERS_MAX)
        for transaction_id in list(islice(self._answers, too_many)):  # one walk: each walks over those that have left
            del self._answers[transaction_id]

    def take(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionFinalized]:
        """Give the answers of these transactions, and keep them no longer."""
        taken = (self._answers.pop(id_, None) for id_ in transaction_ids)
        return {answer.transaction_id: answer for answer in taken if answer is not None}
