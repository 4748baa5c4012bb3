"""``WalletMachine``: the wallet as a state machine, compared with a model of ints and dicts after every step.

Extend it with rules and invariants of your own, as any ``RuleBasedStateMachine``::

    class RefundMachine(WalletMachine):
        @rule(id_=transaction_ids())
        def refund(self, id_: str) -> None:
            if self.table.states.get(id_) == "applied":
                self.post([Failed(id_)])

        @invariant()
        def what_came_in_is_there(self) -> None:
            assert sum(self.table.balances.values()) >= 0


    TestRefunds = RefundMachine.TestCase

======================  ==============================================================================================
read                    ``policy``, ``clock``, ``store``, ``bus``; ``table``, the model (``state_table.StateTable``);
                        ``seen``, every fact posted; ``believed``, what readers of our answers take for true
call, in your rules     ``post``, ``publish``, ``publish_all``, ``books``, ``run`` for what must be awaited
override, all optional  ``policies``, the deployments to draw; ``open_store``, ``close_store``, books of your adapter;
                        ``begin``, after the start; ``posted`` and ``answered``, told of each batch, of each answer
======================  ==============================================================================================

An ``@initialize`` rule of yours may run before ours: what must come first belongs into ``begin``. Needs hypothesis.
"""

# ruff: noqa: S101 - a state machine speaks in asserts

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from wallet_core.batch import post_all
from wallet_core.commands import Request, SetAside
from wallet_core.memory import ManualClock, MemoryBus, Published
from wallet_core.messages import request_of
from wallet_core.outcome import Outcome
from wallet_core.policy import Policy, Shortfall
from wallet_core.relay import Relay
from wallet_core.testing import strategies
from wallet_core.testing.books import BooksCopy, check_books, check_legs, read_books
from wallet_core.testing.conformance.store import Store, memory_store
from wallet_core.testing.facts import Completed, Fact, Failed, SignedUp
from wallet_core.testing.state_table import StateTable
from wallet_core.testing.strategies import FUNDED, failures, signups, topups, transaction_ids, transfers, user_ids

T = TypeVar("T")

ROUNDS_MAX = 1_000
"""Rounds of the relay in ``publish_all``: many more than one run makes rows."""


class WalletMachine(RuleBasedStateMachine):
    """Signups, top-ups, transfers, failures, repetitions and batches, and a relay beside them."""

    policy: Policy
    store: Store
    table: StateTable

    def __init__(self) -> None:
        """Start with nothing; ``start`` draws the policy and opens the store."""
        super().__init__()
        self.clock: ManualClock = ManualClock()
        self.bus: MemoryBus = MemoryBus(self.clock)
        self.seen: list[Fact] = []
        self.believed: dict[str, str] = {}
        self._answers_read = 0
        self._runner = asyncio.Runner()
        self._is_open = False

    # ------------------------------------------------------------------------------------------ for you to override

    def policies(self) -> st.SearchStrategy[Policy]:
        """Give the deployments to draw: in dollars, with or without an opening balance, with or without overdraft."""
        return strategies.policies()

    async def open_store(self) -> Store:
        """Open empty books, in memory unless overridden; called once, on the loop that ``run`` uses."""
        return memory_store(self.clock)

    async def close_store(self) -> None:
        """Leave nothing behind of what ``open_store`` opened; called at the end of every run that opened it."""

    def begin(self) -> None:
        """Do what must come before every rule; some users may have signed up already."""

    def posted(self, facts: Sequence[Fact], outcomes: Sequence[Outcome]) -> None:
        """Take note of a batch and of how each fact ended; the model has been told, and has agreed."""

    def answered(self, published: Published) -> None:
        """Take note of an answer that was published."""

    # ------------------------------------------------------------------------------------------ for your rules to call

    def post(self, facts: Sequence[Fact]) -> Sequence[Outcome]:
        """Post a batch to the books and to the model, which takes signups first, one by one; both must agree."""
        positions = sorted(range(len(facts)), key=lambda position: not isinstance(facts[position], SignedUp))
        expected = {position: self.table.post(facts[position]) for position in positions}

        requests = [self._request(fact) for fact in facts]
        outcomes = self.run(post_all(requests, self.store.unit_of_work, self.clock, self.policy))

        self._agree(
            "outcomes", [expected[position] for position in range(len(facts))], [each.kind for each in outcomes]
        )
        self.seen += facts
        self.posted(facts, outcomes)
        return outcomes

    def publish(self) -> None:
        """Let the relay work one round, and readers read what came out."""
        self.run(self._relay.publish_pending())
        new = self.bus.published[self._answers_read :]
        self._answers_read += len(new)
        for published in new:
            message = json.loads(published.body)
            self.believed[message["transactionId"]] = message["status"].lower()
            self.answered(published)

    def publish_all(self) -> None:
        """Let the relay work until nothing waits. Raises AssertionError if that does not end; the bus must be there."""
        for _ in range(ROUNDS_MAX):
            if not self.run(self.store.pending_answers.backlog())[0]:
                return
            self.publish()
        raise AssertionError(f"something still waits in the outbox after {ROUNDS_MAX} rounds")

    def books(self) -> BooksCopy:
        """Read all that the books hold of the users and transactions that the model knows."""
        return self.run(read_books(self.store, sorted(self.table.balances), sorted(self.table.states)))

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Await something on the machine's own event loop."""
        return self._runner.run(work)

    # ---------------------------------------------------------------------------------------------------- the machine

    @initialize(data=st.data(), known=st.sampled_from([FUNDED, FUNDED, ()]))
    def start(self, data: st.DataObject, known: tuple[Fact, ...]) -> None:
        """Choose a deployment, and who is there already."""
        self.policy = data.draw(self.policies(), label="policy")
        self.table = StateTable(self.policy.shortfall is Shortfall.OVERDRAW, self.policy.opening_balance_minor)
        self.store = self.run(self.open_store())
        self._is_open = True
        self._relay = Relay(self.store.pending_answers, self.bus, "relay", self.clock.monotonic_s)
        self.post(known)
        self.begin()

    @rule(signup=signups())
    def sign_up(self, signup: SignedUp) -> None:
        """Let somebody sign up."""
        self.post([signup])

    @rule(topup=topups())
    def top_up(self, topup: Completed) -> None:
        """Complete a top-up."""
        self.post([topup])

    @rule(transfer=transfers())
    def transfer(self, transfer: Completed) -> None:
        """Complete a transfer."""
        self.post([transfer])

    @precondition(lambda self: self.table.balances)
    @rule(id_=transaction_ids(), recipient_id=user_ids(), data=st.data())
    def spend_everything(self, id_: str, recipient_id: str, data: st.DataObject) -> None:
        """Let somebody send all that there is to somebody else."""
        sender_id = data.draw(st.sampled_from(sorted(self.table.balances)))
        self.post([Completed(id_, sender_id, recipient_id, max(1, self.table.balances[sender_id]))])

    @rule(failure=failures())
    def fail(self, failure: Failed) -> None:
        """Let a transaction fail."""
        self.post([failure])

    @precondition(lambda self: self._movable())
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        """Let a transaction fail that has moved money, or whose reversal is due."""
        self.post([Failed(data.draw(st.sampled_from(self._movable())))])

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Repeat something that came before."""
        self.post([data.draw(st.sampled_from(self.seen))])

    @precondition(lambda self: self.seen)
    @rule(data=st.data(), new=st.lists(signups() | topups() | failures(), max_size=3))
    def batch(self, data: st.DataObject, new: list[Fact]) -> None:
        """Post several events, new and old, in one batch."""
        old = data.draw(st.lists(st.sampled_from(self.seen), max_size=6))
        self.post(data.draw(st.permutations([*new, *old])))

    @rule(seconds=st.integers(-30, 30))
    def tick(self, seconds: int) -> None:
        """Let time pass, or set the clock back."""
        self.clock.advance(timedelta(seconds=seconds))

    @rule(is_away=st.booleans())
    def relay(self, is_away: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """Let the relay work one round, with the broker there or away."""
        self.bus.is_away = is_away
        self.publish()
        self.bus.is_away = False

    @rule()
    def drain(self) -> None:
        """Let the relay work until nothing waits: readers then believe what the model says."""
        self.publish_all()

        answers = {id_: status for id_, (status, _) in self.table.answers.items()}
        self._agree("the last answers that readers got", answers, self.believed)

    @invariant()
    def books_are_those_of_the_model(self) -> None:
        """Every wallet holds what the ints say, every transaction is in its state, and the books add up."""
        books = self.books()
        check_books(books, may_overdraw=self.table.may_overdraw)
        check_legs(books)
        balances = {wallet.user_id: wallet.balance_minor for wallet in books.wallets}
        states = {record.id: record.state.value for record in books.transactions if ":" not in record.id}
        self._agree("balances", self.table.balances, balances)
        self._agree("states", self.table.states, states)

    def teardown(self) -> None:
        """Close the books and the loop. If you override it, call ours too."""
        try:
            if self._is_open:
                self.run(self.close_store())
        finally:
            self._runner.close()

    def _agree(self, what: str, modelled: object, found: object) -> None:
        """Hold what was found against the model."""
        assert modelled == found, f"{what}: the model says {modelled}, the books {found}"

    def _request(self, fact: Fact) -> Request:
        event = fact.event(self.policy.currency)
        request = request_of(event.subject, event.message, self.policy.currency)
        assert not isinstance(request, SetAside), f"{event} has no usable id: {request.detail}"
        return request

    def _movable(self) -> list[str]:
        """Give the transactions that a ``failed`` would take back."""
        return [id_ for id_, state in self.table.states.items() if state in ("applied", "reversal_due")]
