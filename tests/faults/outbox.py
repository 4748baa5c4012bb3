"""What the outbox of a scene holds."""

from __future__ import annotations

from tests.faults.scene import Scene


def waiting_answers(scene: Scene) -> set[str]:
    """Give the transactions whose answers wait to be published."""
    waiting: set[str] = set()
    for row in scene.books["outbox"].find():
        transaction_ids = row["transactionIds"]
        assert isinstance(transaction_ids, list)
        waiting.update(map(str, transaction_ids))
    return waiting
