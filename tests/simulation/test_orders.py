"""T06: signup, completed, failed and a duplicate in every order there is: money is never made, and final is final."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import pytest

from tests.scenario import ALICE, BOB, Scenario, topup, transaction_id
from wallet_core import Handled, Intake, TransactionState, Vocabulary
from wallet_core.testing.books import check_books, check_legs
from wallet_core.testing.facts import Completed, Fact, Failed, SignedUp
from wallet_core.testing.state_table import StateTable

T = transaction_id(1)
FUNDS_MINOR = 10_000
AMOUNT_MINOR = 6_000


@dataclass(frozen=True, slots=True)
class Told:
    """Four events about one transaction."""

    name: str
    completed: Completed

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The recipient signs up, it completes, it fails, and it completes again."""
        return SignedUp(BOB), self.completed, Failed(T), self.completed


TOLD = tuple(
    Told(f"{kind}, {vocabulary}", Completed(T, sender_id, BOB, AMOUNT_MINOR, vocabulary))
    for kind, sender_id in (("top-up", None), ("transfer", ALICE))
    for vocabulary in Vocabulary
)
ORDERS = tuple(permutations(range(4)))
by_told = pytest.mark.parametrize("told", TOLD, ids=lambda told: told.name)


class Broker(Scenario):
    """A scenario whose events come through the queues of a broker, with their delays."""

    def __init__(self) -> None:
        """Open Alice's wallet, and put 100.00 into it."""
        super().__init__()
        self.intake = Intake(self.store, self.clock, self.policy, self.bus)
        self.handled: list[Handled] = []
        self.open(ALICE)
        self.post(topup(transaction_id(100), ALICE, FUNDS_MINOR // 100))

    def send(self, *facts: Fact) -> None:
        """Put events into the queues, and let what is ready be handled."""
        for fact in facts:
            event = fact.event()
            self.bus.send(event.subject, event.message)
        self.handled += asyncio.run(self.bus.consume(self.intake))

    def drain(self) -> None:
        """Let time pass until nothing waits any more."""
        while (due_at := self.bus.next_due_at()) is not None:
            self.clock.advance(due_at - self.clock.now())
            self.handled += asyncio.run(self.bus.consume(self.intake))


def check_end(broker: Broker, facts: Sequence[Fact]) -> None:
    """Nothing has moved, since it failed; the books add up; the last answer read is the one in the books."""
    record, is_void = broker.known(T), facts.index(Failed(T)) < facts.index(next(filter(is_completed, facts)))
    assert (FUNDS_MINOR, 0) == (broker.balance(ALICE), broker.balance(BOB))
    assert len(broker.entries(BOB)) in (0, 2)
    check_books(broker.final_state(), may_overdraw=False)
    check_legs(broker.final_state())
    assert not is_void or TransactionState.VOID is record.state
    assert record.state in (TransactionState.VOID, TransactionState.REVERSED)
    broker.publish_all()
    read = broker.v1_reader.last | broker.documented_reader.last
    assert (False, record.reason) == (read[T].is_completed, read[T].reason)
    assert [] == broker.bus.dead_letters


def is_completed(fact: Fact) -> bool:
    """Tell whether this is the event of a completion."""
    return isinstance(fact, Completed)


@by_told
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join("scfC"[at] for at in order))
def test_every_order_one_by_one(told: Told, order: tuple[int, ...]) -> None:
    """T06: one event after the other, the published answers read in between, in each of the 24 orders."""
    facts = [told.facts[at] for at in order]
    broker = Broker()

    for fact in facts:
        broker.send(fact)
        broker.publish()
    broker.drain()

    check_end(broker, facts)


@by_told
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join("scfC"[at] for at in order))
def test_every_order_in_two_batches(told: Told, order: tuple[int, ...]) -> None:
    """T06: the same in one batch, and cut into two anywhere."""
    facts = [told.facts[at] for at in order]
    for cut in range(len(facts)):
        broker = Broker()

        broker.send(*facts[:cut])
        broker.send(*facts[cut:])
        broker.drain()

        check_end(broker, facts)


@by_told
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join("scfC"[at] for at in order))
def test_every_order_is_as_in_the_table(told: Told, order: tuple[int, ...]) -> None:
    """T06: without a broker, each event ends as the state table says, order by order."""
    table = StateTable()
    table.post(SignedUp(ALICE))
    table.post(Completed(transaction_id(100), None, ALICE, FUNDS_MINOR))
    broker = Broker()

    for at in order:
        fact = told.facts[at]
        assert table.post(fact) == broker.post_one(fact.event()).kind

    assert table.balances == {wallet.user_id: wallet.balance_minor for wallet in broker.store.wallets()}
