"""The service as a state machine: any rule at any time, compared with ints and dicts after every step."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.property.books import check_books, check_legs
from tests.property.histories import FUNDED, failures, policies, signups, topups, transaction_ids, transfers, user_ids
from tests.property.state_table import Completed, Fact, Failed, SignedUp, StateTable
from tests.scenario import Scenario
from wallet_core import Policy, Shortfall


class WalletMachine(RuleBasedStateMachine):
    """Signups, top-ups, transfers, failures, repetitions and batches, and a relay beside them."""

    def __init__(self) -> None:
        """Start with nothing; the policy is drawn first."""
        super().__init__()
        self.scenario = Scenario()
        self.table = StateTable()
        self.seen: list[Fact] = []

    @property
    def movable(self) -> list[str]:
        """The transactions that a ``failed`` would take back."""
        return [id_ for id_, state in self.table.states.items() if state in ("applied", "reversal_due")]

    @initialize(policy=policies, known=st.sampled_from([FUNDED, FUNDED, ()]))
    def start(self, policy: Policy, known: tuple[Fact, ...]) -> None:
        """Choose a deployment, and who is there already."""
        self.scenario = Scenario(policy)
        self.table = StateTable(policy.shortfall is Shortfall.OVERDRAW, policy.opening_balance_minor)
        self._post(list(known))

    @rule(signup=signups)
    def sign_up(self, signup: SignedUp) -> None:
        """Somebody signs up."""
        self._post([signup])

    @rule(topup=topups)
    def top_up(self, topup: Completed) -> None:
        """A top-up completes."""
        self._post([topup])

    @rule(transfer=transfers)
    def transfer(self, transfer: Completed) -> None:
        """A transfer completes."""
        self._post([transfer])

    @precondition(lambda self: self.table.balances)
    @rule(id_=transaction_ids, recipient_id=user_ids, data=st.data())
    def spend_everything(self, id_: str, recipient_id: str, data: st.DataObject) -> None:
        """Somebody sends all that there is to somebody else."""
        sender_id = data.draw(st.sampled_from(sorted(self.table.balances)))
        self._post([Completed(id_, sender_id, recipient_id, max(1, self.table.balances[sender_id]))])

    @rule(failure=failures)
    def fail(self, failure: Failed) -> None:
        """A transaction fails."""
        self._post([failure])

    @precondition(lambda self: self.movable)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        """A transaction fails that has moved money, or whose reversal is due."""
        self._post([Failed(data.draw(st.sampled_from(self.movable)))])

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Something that came before comes again."""
        self._post([data.draw(st.sampled_from(self.seen))])

    @precondition(lambda self: self.seen)
    @rule(data=st.data(), new=st.lists(signups | topups | failures, max_size=3))
    def batch(self, data: st.DataObject, new: list[Fact]) -> None:
        """Several events, new and old, come in one batch."""
        old = data.draw(st.lists(st.sampled_from(self.seen), max_size=6))
        self._post(data.draw(st.permutations([*new, *old])))

    @rule(seconds=st.integers(-30, 30))
    def tick(self, seconds: int) -> None:
        """Time passes, or the clock is set back."""
        self.scenario.clock.advance(timedelta(seconds=seconds))

    @rule(is_away=st.booleans())
    def relay(self, is_away: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """The relay works one round, with the broker there or away."""
        self.scenario.bus.is_away = is_away
        self.scenario.publish()
        self.scenario.bus.is_away = False

    @rule()
    def drain(self) -> None:
        """The relay works until nothing waits: readers then believe what the table says."""
        self.scenario.publish_all()

        read = self.scenario.v1_reader.last | self.scenario.documented_reader.last
        believed = {id_: "completed" if answer.is_completed else "failed" for id_, answer in read.items()}
        assert {id_: status for id_, (status, _) in self.table.answers.items()} == believed

    @invariant()
    def balances_are_those_of_the_table(self) -> None:
        """Every wallet holds what the ints say."""
        balances = {wallet.user_id: wallet.balance_minor for wallet in self.scenario.store.wallets()}
        assert self.table.balances == balances

    @invariant()
    def states_are_those_of_the_table(self) -> None:
        """Every transaction is in the state of the table."""
        records = self.scenario.store.transactions()
        assert self.table.states == {record.id: record.state.value for record in records if ":" not in record.id}

    @invariant()
    def books_add_up(self) -> None:
        """Sums, versions, chains and legs are right at any time."""
        check_books(self.scenario, may_overdraw=self.table.may_overdraw)
        check_legs(self.scenario)

    def _post(self, facts: list[Fact]) -> None:
        """Post a batch to both; the table takes signups first, one by one."""
        positions = sorted(range(len(facts)), key=lambda position: not isinstance(facts[position], SignedUp))
        expected = {position: self.table.post(facts[position]) for position in positions}

        outcomes = self.scenario.post(*(fact.event for fact in facts))

        assert [expected[position] for position in range(len(facts))] == [outcome.kind for outcome in outcomes]
        self.seen += facts


def test_wallet_machine() -> None:
    """Whatever comes in whatever order, the service agrees with the table after every step."""
    run_state_machine_as_test(WalletMachine)
