"""A scenario whose events come through the intake, over a store with faults."""

from __future__ import annotations

import asyncio

from tests.faulty_store import FaultyStore
from tests.scenario import ALICE, BOB, Event, Scenario, topup, transaction_id
from wallet_core import Delivery, Handled, Intake, StoreRejected


class Signups:
    """The queue of signups: whether more may come, and how often that was asked."""

    def __init__(self) -> None:
        """Start with an empty queue."""
        self.more = False
        self.asked = 0

    async def may_come(self) -> bool:
        """Tell."""
        self.asked += 1
        return self.more


class Consumer(Scenario):
    """A scenario whose events come through the intake."""

    def __init__(self) -> None:
        """Start with Alice's wallet, and Bob's."""
        super().__init__(store_of=FaultyStore)
        assert isinstance(self.store, FaultyStore)
        self.faults = self.store
        self.signups = Signups()
        self.intake = Intake(self.store, self.clock, self.policy, self.signups)
        self.open(ALICE, BOB)

    def handle(self, *events: Event, attempts: int = 0) -> tuple[Handled, ...]:
        """Hand over one batch."""
        return self.deliver(*(Delivery(event.subject, event.message, attempts) for event in events))

    def deliver(self, *deliveries: Delivery) -> tuple[Handled, ...]:
        """Hand over one batch of deliveries."""
        return asyncio.run(self.intake.handle(deliveries))

    def poison(self, *numbers: int) -> None:
        """Let the store refuse these transactions for their content, every time."""
        self.faults.poison = {transaction_id(number): StoreRejected(f"validator: {number}") for number in numbers}


def topup_number(number: int) -> Event:
    """Give one of many top-ups of one dollar."""
    return topup(transaction_id(number), ALICE, 1)
