"""What is checked after every load: a fast run that is wrong is no run.

The books are read by the plain driver: every balance that the load has touched, the sum of all, one entry for each leg,
one record for each transfer, an empty outbox. The broker must hold nothing of ours any more: no event that was
not acknowledged, none that waits, no dead letter. And each transfer was answered, as completed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE, FINALIZED_QUEUE, INPUT_QUEUES, retry_queue
from tests.benchmarks.ledger import OPENING_MINOR, batches
from tests.benchmarks.queues import left_in
from wallet_core.settlement import RETRY_DELAYS_MS

Document = dict[str, object]

LOOKED_UP = 5_000
"""Wallets that are read in one query."""

QUEUES = (
    *(queue.name for queue in INPUT_QUEUES),
    *(retry_queue(queue.name, delay_ms) for queue in INPUT_QUEUES for delay_ms in RETRY_DELAYS_MS),
    FINALIZED_QUEUE,
    DEAD_LETTER_QUEUE,
)


class WrongRun(Exception):
    """Something was lost, made, or told wrongly: the measurement does not count."""


@dataclass(slots=True)
class Ledger:
    """What the books of a place must say: ``wallets`` that were opened, and what ``transfers`` have moved since."""

    wallets: int
    transfers: int
    changes_minor: Counter[str]

    @classmethod
    def opened(cls, wallets: int) -> Ledger:
        """Begin with wallets that were opened and funded, and nothing else."""
        return cls(wallets, 0, Counter())

    def expect(self, transfers: int, changes_minor: Mapping[str, int]) -> None:
        """Add a load that is about to be sent."""
        self.transfers += transfers
        for user, change_minor in changes_minor.items():
            self.changes_minor[user] += change_minor


def check_books(database: Database[Document], ledger: Ledger) -> None:
    """See that the books say what they must. Raises WrongRun."""
    sums = next(database["wallets"].aggregate([{"$group": _SUMS}]))
    entries = ledger.wallets + 2 * ledger.transfers
    _same("wallets", ledger.wallets, sums["wallets"])
    _same("sum of all balances", ledger.wallets * OPENING_MINOR, sums["balances"])
    _same("sum of all versions", entries, sums["versions"])
    _same("entries", entries, database["entries"].estimated_document_count())
    _same("transactions", ledger.wallets + ledger.transfers, database["transactions"].estimated_document_count())
    _same("rows in the outbox", 0, database["outbox"].count_documents({}))
    for users in batches(ledger.changes_minor, LOOKED_UP):
        balances = _balances(database, users)
        for user in users:
            _same(f"balance of {user}", OPENING_MINOR + ledger.changes_minor[user], balances.get(user))


async def check_broker(url: str, answers: int = 0) -> None:
    """See that nothing of ours is left with the broker, but so many answers. Raises WrongRun."""
    expected = {FINALIZED_QUEUE: answers} if answers else {}
    _same("messages left with the broker", expected, await left_in(url, QUEUES))


def check_answers(read: Mapping[str, Any], transfers: int) -> None:
    """
    See that every transfer was answered, as completed. Raises WrongRun.

    An answer may come twice, byte-equal: that is promised, and happens when a confirm is late on a busy machine.
    """
    expected = {"answers": transfers, "transactions": transfers, "statuses": {"completed": transfers}}
    _same("answers", {**expected, "contradicted": 0}, {name: read[name] for name in (*expected, "contradicted")})


_SUMS: Document = {
    "_id": None,
    "wallets": {"$sum": 1},
    "balances": {"$sum": "$balanceMinor"},
    "versions": {"$sum": "$version"},
}


def _balances(database: Database[Document], users: Iterable[str]) -> dict[str, object]:
    query = {"userId": {"$in": list(map(ObjectId, users))}}
    found = database["wallets"].find(query, {"userId": 1, "balanceMinor": 1})
    return {str(wallet["userId"]): wallet["balanceMinor"] for wallet in found}


def _same(what: str, expected: object, found: object) -> None:
    if found != expected:
        raise WrongRun(f"{what}: {found} instead of {expected}")
