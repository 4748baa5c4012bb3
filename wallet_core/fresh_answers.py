"""Fresh answers: what this process has committed a moment ago and its relay is about to publish.

They are in memory still, with the row of the outbox in which they wait, so the relay need not read either back; it only
asks the books for newer answers. A transaction and a revision name one answer for ever, so an answer from here is the
one in the books as long as no newer one is there.

Bounds: ANSWERS_MAX and EARLY_MAX, the oldest leave first. What is not here is read: nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from wallet_core.events import TransactionFinalized
from wallet_core.ports import PendingRow

ANSWERS_MAX = 12_000
"""Transactions of the rows that are kept, whose answers take some 6 MB: those of one round (four rows of 3,000)."""

EARLY_MAX = 1_000
"""Rows remembered as taken before they were fresh: many times what other processes add while a commit returns."""


@dataclass(frozen=True, slots=True)
class _Fresh:
    row: PendingRow
    answers: Mapping[str, TransactionFinalized]


class FreshAnswers:
    """Answers by row of the outbox, from the intake to the relay of one process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_row: dict[str, _Fresh] = {}
        self._taken_early: dict[str, None] = {}
        self._count = 0

    def __len__(self) -> int:
        """Count the transactions of all rows that are kept; those of which we know no answer too, such as repeats."""
        return self._count

    def remember(self, row: PendingRow, answers: Iterable[TransactionFinalized]) -> None:
        """Keep those answers that wait in a row, which is committed; none if it was taken already."""
        if row.id in self._taken_early:
            return
        of_all = {answer.transaction_id: answer for answer in answers}
        self._by_row[row.id] = _Fresh(row, {id_: of_all[id_] for id_ in row.transaction_ids if id_ in of_all})
        self._count += len(row.transaction_ids)
        while self._count > ANSWERS_MAX:
            self._pop(next(iter(self._by_row)))

    def rows(self, rows_max: int) -> Sequence[PendingRow]:
        """Give the oldest rows whose answers are kept."""
        return [fresh.row for fresh in islice(self._by_row.values(), rows_max)]

    def take(self, row: PendingRow) -> Mapping[str, TransactionFinalized]:
        """
        Give the answers of a row as far as they are known, and keep them no longer.

        A relay may read a row from the outbox before our own commit has returned. It is published then, and not fresh
        when it is remembered: nobody is told twice.
        """
        fresh = self._pop(row.id)
        if fresh is not None:
            return fresh.answers
        self._taken_early[row.id] = None
        if len(self._taken_early) > EARLY_MAX:
            del self._taken_early[next(iter(self._taken_early))]
        return {}

    def forget(self) -> None:
        """Keep nothing that is here: another relay publishes it, or has published it."""
        self._by_row.clear()
        self._count = 0

    def _pop(self, row_id: str) -> _Fresh | None:
        fresh = self._by_row.pop(row_id, None)
        self._count -= 0 if fresh is None else len(fresh.row.transaction_ids)
        return fresh
