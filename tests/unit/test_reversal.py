"""Reversals: both legs or neither, what happens when the money is not there, and what is told (rules 3 and 6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.scenario import ALICE, BOB, CAROL, USD, Scenario, failed, topup, transaction_id, transfer
from wallet_core import (
    AMOUNT_MINOR_MAX,
    Cause,
    Direction,
    EntryKind,
    FinalStatus,
    InsufficientFunds,
    OutcomeKind,
    Policy,
    Shortfall,
    TransactionState,
    Wallet,
)

NOW = datetime(2025, 1, 15, 11, tzinfo=UTC)

T = transaction_id(1)
SPENT = transaction_id(2)


def transferred(policy: Policy | None = None) -> Scenario:
    """Alice had 100.00 and has sent 60.00 of it to Carol; Bob has nothing."""
    scenario = Scenario(policy)
    scenario.open(ALICE, BOB, CAROL)
    scenario.fund(ALICE, 100)
    scenario.post(transfer(T, ALICE, CAROL, 60))
    return scenario


def spend(scenario: Scenario, amount: int = 60) -> None:
    """Carol sends money on to Bob."""
    scenario.post(transfer(SPENT, CAROL, BOB, amount))


def test_reversal_posts_the_opposite_of_both_legs() -> None:
    """A reversal appends an opposite entry to each wallet, linked to the first one; nothing is altered or removed."""
    scenario = transferred()
    before = scenario.final_state().entries

    scenario.post(failed(T, "The bank said no").but(failedAt="2025-01-15T12:00:00Z"))

    assert (10_000, 0) == (scenario.balance(ALICE), scenario.balance(CAROL))
    credit, debit = scenario.entries(ALICE)[-1], scenario.entries(CAROL)[-1]
    assert [(Direction.CREDIT, 2, CAROL), (Direction.DEBIT, 1, ALICE)] == [
        (entry.direction, entry.reverses_sequence, entry.counterparty_id) for entry in (credit, debit)
    ]
    for entry in (credit, debit):
        assert (EntryKind.REVERSAL, T, 6_000) == (entry.kind, entry.transaction_id, entry.amount_minor)
        assert ("The bank said no", datetime(2025, 1, 15, 12, tzinfo=UTC)) == (entry.description, entry.occurred_at)
    assert before == tuple(
        tuple(entry for entry in entries if entry.kind is not EntryKind.REVERSAL)
        for entries in scenario.final_state().entries
    )


def test_record_of_a_reversal() -> None:
    """The record keeps the first legs and those that cancelled them, the producer's reason, and when."""
    scenario = transferred()
    scenario.clock.advance(timedelta(hours=1))

    scenario.post(failed(T, "The bank said no"))

    record, answer = scenario.known(T), scenario.answer(T)
    assert (TransactionState.REVERSED, "The bank said no", None) == (record.state, record.reason, record.due_since)
    assert [(ALICE, Direction.DEBIT), (CAROL, Direction.CREDIT)] == [
        (leg.user_id, leg.direction) for leg in record.legs
    ]
    assert [(ALICE, Direction.CREDIT, 3), (CAROL, Direction.DEBIT, 2)] == [
        (leg.user_id, leg.direction, leg.sequence) for leg in record.reversal_legs
    ]
    assert timedelta(hours=1) == record.changed_at - record.recorded_at
    assert (FinalStatus.FAILED, "The bank said no", 2, ALICE) == (
        answer.status,
        answer.reason,
        answer.revision,
        answer.user_id,
    )
    assert scenario.clock.now() == answer.finalized_at


def test_reversal_without_a_reason_is_answered_with_one() -> None:
    """A ``failed`` without a reason still gives a person something to read."""
    scenario = transferred()

    scenario.post(failed(T))

    assert scenario.answer(T).reason


def test_topup_is_reversed() -> None:
    """A failed top-up takes its money back."""
    scenario = transferred()
    scenario.post(topup(SPENT, BOB, 25))

    outcome = scenario.post_one(failed(SPENT))

    assert (OutcomeKind.REVERSED, 0) == (outcome.kind, scenario.balance(BOB))
    assert [EntryKind.TOPUP, EntryKind.REVERSAL] == [entry.kind for entry in scenario.entries(BOB)]


@pytest.mark.parametrize("spent", [60, 1])
def test_spent_money_makes_the_reversal_due(spent: int) -> None:
    """When the recipient has spent a cent of it nothing moves or is answered; since when and why is recorded."""
    scenario = transferred()
    spend(scenario, spent)
    scenario.publish()
    before = scenario.final_state()

    outcome = scenario.post_one(failed(T))

    assert OutcomeKind.REVERSAL_DUE is outcome.kind
    assert (before.wallets, before.entries) == (scenario.final_state().wallets, scenario.final_state().entries)
    record = scenario.known(T)
    assert (TransactionState.REVERSAL_DUE, scenario.clock.now()) == (record.state, record.due_since)
    assert record.reason
    assert outcome.reason == record.reason
    assert ((), FinalStatus.COMPLETED, 1) == (
        record.reversal_legs,
        scenario.answer(T).status,
        scenario.answer(T).revision,
    )
    assert [] == scenario.publish()


def test_due_reversal_remembers_since_when() -> None:
    """Trying again in vain does not make a due reversal younger."""
    scenario = transferred()
    spend(scenario)
    scenario.post(failed(T))
    since = scenario.clock.now()
    scenario.clock.advance(timedelta(minutes=5))

    outcome = scenario.post_one(failed(T))

    assert (OutcomeKind.REVERSAL_DUE, since) == (outcome.kind, scenario.known(T).due_since)


def test_due_reversal_succeeds_when_the_money_is_back() -> None:
    """A due reversal that is tried again with the money there ends as any other, with revision 2."""
    scenario = transferred()
    spend(scenario)
    scenario.post(failed(T, "The bank said no"))
    scenario.fund(CAROL, 60, transaction_id(3))

    outcome = scenario.post_one(failed(T, "The bank said no"))

    assert (OutcomeKind.REVERSED, 10_000, 0) == (outcome.kind, scenario.balance(ALICE), scenario.balance(CAROL))
    assert ("The bank said no", 2, None) == (
        scenario.answer(T).reason,
        scenario.answer(T).revision,
        scenario.known(T).due_since,
    )


def test_overdraft_lets_a_reversal_go_below_zero() -> None:
    """Where the deployment says so, a reversal takes spent money back at once."""
    scenario = transferred(Policy(USD, shortfall=Shortfall.OVERDRAW))
    spend(scenario)

    outcome = scenario.post_one(failed(T))

    assert (OutcomeKind.REVERSED, 10_000, -6_000) == (outcome.kind, scenario.balance(ALICE), scenario.balance(CAROL))


def test_overdraft_ends_at_the_limit_of_a_balance() -> None:
    """A reversal that would take a balance below minus 10^15 minor units waits, and is no error."""
    scenario = transferred(Policy(USD, shortfall=Shortfall.OVERDRAW))
    leg = scenario.known(T).legs[1]
    deep = Wallet("w", CAROL, "USD", -AMOUNT_MINOR_MAX + leg.amount_minor - 1, 1, bytes(32), NOW, NOW)

    with pytest.raises(InsufficientFunds):
        deep.reverse(leg, Cause(T, EntryKind.REVERSAL, NOW), may_overdraw=True)


def test_overdraft_is_for_reversals_only() -> None:
    """Nothing but a reversal takes a balance below zero."""
    scenario = transferred(Policy(USD, shortfall=Shortfall.OVERDRAW))

    outcome = scenario.post_one(transfer(SPENT, CAROL, BOB, 61))

    assert (OutcomeKind.REFUSED, "Insufficient balance") == (outcome.kind, outcome.reason)


def test_shortfall_waits_by_default() -> None:
    """No overdraft unless the deployment asks for it."""
    assert Policy(USD).shortfall is Shortfall.WAIT


@pytest.mark.parametrize("shortfall", list(Shortfall))
def test_senders_limit_makes_the_reversal_due(shortfall: Shortfall) -> None:
    """Money that does not fit into the sender's wallet any more stays with the recipient, overdraft or not."""
    scenario = transferred(Policy(USD, shortfall=shortfall))
    scenario.fund(ALICE, AMOUNT_MINOR_MAX // 100 - 40, SPENT)

    outcome = scenario.post_one(failed(T))

    assert OutcomeKind.REVERSAL_DUE is outcome.kind
    assert (AMOUNT_MINOR_MAX, 6_000) == (scenario.balance(ALICE), scenario.balance(CAROL))


@pytest.mark.parametrize("user_id", [ALICE, CAROL])
def test_suspended_wallet_makes_the_reversal_due(user_id: str) -> None:
    """A wallet that a person must decide about holds the reversal up; the other wallet stays as it is."""
    scenario = transferred()
    other_id = CAROL if user_id == ALICE else ALICE
    before = scenario.wallet(other_id)
    scenario.store.suspend(user_id)

    outcome = scenario.post_one(failed(T))

    assert (OutcomeKind.REVERSAL_DUE, before) == (outcome.kind, scenario.wallet(other_id))


def test_reversals_of_one_batch_see_each_other() -> None:
    """In one batch the reversal of a later transfer brings back the money that an earlier one needs."""
    scenario = transferred()
    spend(scenario)

    outcomes = scenario.post(failed(SPENT), failed(T))

    assert [OutcomeKind.REVERSED, OutcomeKind.REVERSED] == [outcome.kind for outcome in outcomes]
    assert (10_000, 0, 0) == tuple(map(scenario.balance, (ALICE, BOB, CAROL)))


def test_reason_of_a_due_reversal_is_for_a_person() -> None:
    """What an operator reads about a due reversal is not empty and not long."""
    scenario = transferred()
    spend(scenario)

    outcome = scenario.post_one(failed(T))

    assert 0 < len(outcome.reason or "") <= 200
