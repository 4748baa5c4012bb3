"""A neighbour of the wallet: a shop that hears from the wallet which of its orders are paid."""

import json


class Shop:
    """Tells its customers how their transfers ended; an order has the id of its transfer."""

    def __init__(self) -> None:
        """Start with no order."""
        self.paid: set[str] = set()
        self.mails: list[str] = []
        self._seen: set[str] = set()

    def on_finalized(self, message_id: str, body: bytes) -> None:
        """Take an answer of the wallet: it may come again, and the latest one about an order counts."""
        if message_id in self._seen:
            return
        self._seen.add(message_id)
        answer = json.loads(body)
        order = answer["transactionId"]
        if answer["success"]:
            self.paid.add(order)
        else:
            self.paid.discard(order)
        self.mails.append(f"{order}: {answer['status']}, {answer.get('reason', 'thank you')}")
