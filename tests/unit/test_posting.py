"""Posting: what is applied, refused and answered, and neighbours in one batch."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.scenario import (
    ALICE,
    BOB,
    CAROL,
    Event,
    Scenario,
    failed,
    signup,
    topup,
    topup_v1,
    transaction_id,
    transfer,
    transfer_v1,
)
from wallet_core import (
    AMOUNT_MINOR_MAX,
    EntryKind,
    FinalStatus,
    Linked,
    OutcomeKind,
    State,
    TransactionKind,
    TransactionState,
    plan,
    post_all,
)

T = transaction_id(1)
STRANGER = "507f1f77bcf86cd7994390ff"
FULL = Decimal(AMOUNT_MINOR_MAX) / 100


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (topup(T, ALICE, 1).but(type="refund"), "Unknown transaction type"),
        (topup(T, ALICE, 0), "Invalid amount: must be greater than zero"),
        (topup(T, ALICE, Decimal("0.001")), "Invalid amount: more than 2 decimal places"),
        (topup(T, ALICE, "1"), "Invalid amount: not a number"),
        (topup(T, ALICE, Decimal("1e400")), "Invalid amount: more than 10000000000000.00 USD"),
        (topup(T, ALICE, 1).without("userId"), "Invalid recipient"),
        (transfer(T, ALICE, BOB, 1).without("recipientId"), "Invalid recipient"),
        (transfer(T, ALICE, BOB, 1).without("userId"), "Invalid recipient"),
        (transfer(T, ALICE, ALICE.upper(), 1), "Cannot transfer to the same wallet"),
        (transfer(T, CAROL, ALICE, 1), "Insufficient balance"),
        (topup(T, BOB, Decimal("0.01")), "Balance limit exceeded"),
        (transfer(T, ALICE, BOB, Decimal("0.01")), "Balance limit exceeded"),
    ],
)
def test_refusal_is_recorded_and_answered(scenario: Scenario, event: Event, reason: str) -> None:
    """A ``completed`` that breaks a rule moves nothing; its refusal is recorded and answered with the reason."""
    before = scenario.final_state()

    outcome = scenario.post_one(event)

    assert (OutcomeKind.REFUSED, reason) == (outcome.kind, outcome.reason)
    assert (before.wallets, before.entries) == (scenario.final_state().wallets, scenario.final_state().entries)
    record, answer = scenario.known(T), scenario.answer(T)
    assert (TransactionState.REFUSED, reason, ()) == (record.state, record.reason, record.legs)
    assert (FinalStatus.FAILED, reason, 1) == (answer.status, answer.reason, answer.revision)


def test_refused_stays_refused(scenario: Scenario) -> None:
    """A refusal is final: money that comes later does not change it."""
    scenario.post_one(transfer(T, CAROL, ALICE, 1))
    scenario.fund(CAROL, 10)

    outcome = scenario.post_one(transfer(T, CAROL, ALICE, 1))

    assert (OutcomeKind.REPEATED, 1_000) == (outcome.kind, scenario.balance(CAROL))


def test_answer_names_the_initiator(scenario: Scenario) -> None:
    """An answer names who asked: the sender of a transfer, the owner of a top-up, also when it is refused."""
    scenario.post(
        transfer(transaction_id(1), ALICE, CAROL, 1),
        topup_v1(transaction_id(2), CAROL, 1),
        transfer_v1(transaction_id(3), CAROL, ALICE, 1_000),
        transfer(transaction_id(4), ALICE, CAROL, 1).without("recipientId"),
    )

    assert [ALICE, CAROL, CAROL, ALICE] == [scenario.answer(transaction_id(number)).user_id for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("kind", ["refund", "TRANSFER", None, 1], ids=repr)
def test_answer_about_an_unknown_type_names_no_wrong_user(scenario: Scenario, kind: object) -> None:
    """A refused transaction of an unknown type is answered to whom ``userId`` names, not to the recipient."""
    scenario.post_one(transfer(T, ALICE, CAROL, 1).but(type=kind))

    assert scenario.answer(T).user_id == ALICE


def test_applied_transfer_is_two_linked_entries(scenario: Scenario) -> None:
    """A transfer is one debit and one credit that name each other's owner and carry what people wrote."""
    outcome = scenario.post_one(transfer(T, ALICE, CAROL, 60).but(description="Lunch"))

    debit, credit = scenario.entries(ALICE)[-1], scenario.entries(CAROL)[-1]
    assert (OutcomeKind.APPLIED, 4_000, 6_000) == (outcome.kind, scenario.balance(ALICE), scenario.balance(CAROL))
    for entry, counterparty_id in ((debit, CAROL), (credit, ALICE)):
        assert (T, EntryKind.TRANSFER, 6_000, "Lunch") == (
            entry.transaction_id,
            entry.kind,
            entry.amount_minor,
            entry.description,
        )
        assert (counterparty_id, None, scenario.clock.now()) == (
            entry.counterparty_id,
            entry.reverses_sequence,
            entry.recorded_at,
        )
    legs = scenario.known(T).legs
    assert [(ALICE, debit.wallet_id, debit.direction, 6_000, debit.sequence)] == [
        (leg.user_id, leg.wallet_id, leg.direction, leg.amount_minor, leg.sequence) for leg in legs[:1]
    ]
    assert [(CAROL, credit.wallet_id, credit.direction, 6_000, credit.sequence)] == [
        (leg.user_id, leg.wallet_id, leg.direction, leg.amount_minor, leg.sequence) for leg in legs[1:]
    ]


def test_applied_topup_is_one_entry(scenario: Scenario) -> None:
    """A top-up is one credit without a counterparty."""
    scenario.post_one(topup(T, CAROL, 60))

    (entry,) = scenario.entries(CAROL)
    assert (EntryKind.TOPUP, 6_000, None) == (entry.kind, entry.signed_minor, entry.counterparty_id)


def test_record_keeps_what_was_read(scenario: Scenario) -> None:
    """The record keeps kind, parties, amount, and both instants."""
    scenario.post_one(transfer(T, ALICE, CAROL, 60).but(completedAt="2025-01-15T10:59:00Z"))

    record = scenario.known(T)
    assert (TransactionKind.TRANSFER, ALICE, CAROL, 6_000, "USD") == (
        record.kind,
        record.sender_id,
        record.recipient_id,
        record.amount_minor,
        record.currency,
    )
    assert record.occurred_at is not None
    assert "2025-01-15T10:59:00+00:00" == record.occurred_at.isoformat()
    assert {record.occurred_at} == {scenario.entries(user_id)[-1].occurred_at for user_id in (ALICE, CAROL)}
    assert scenario.clock.now() == record.recorded_at == record.changed_at


def test_refused_event_leaves_its_neighbours_untouched(scenario: Scenario) -> None:
    """In one batch each event ends as if it were alone: a refusal between two good ones changes neither."""
    outcomes = scenario.post(
        transfer(transaction_id(1), ALICE, CAROL, 60),
        transfer(transaction_id(2), ALICE, CAROL, 60),
        transfer(transaction_id(3), ALICE, BOB, 10),
        topup(transaction_id(4), STRANGER, 10),
        transfer(transaction_id(5), CAROL, ALICE, 60),
        transfer(transaction_id(6), ALICE, CAROL, 100),
    )

    assert ["applied", "refused", "refused", "unknown_wallet", "applied", "applied"] == [
        outcome.kind for outcome in outcomes
    ]
    assert (0, AMOUNT_MINOR_MAX, 10_000) == tuple(map(scenario.balance, (ALICE, BOB, CAROL)))


def test_second_leg_that_is_refused_discards_the_first(scenario: Scenario) -> None:
    """Both legs or neither: a recipient who cannot take the money leaves the sender's wallet as it was."""
    before = scenario.wallet(ALICE)

    scenario.post_one(transfer(T, ALICE, BOB, 10))

    assert before == scenario.wallet(ALICE)


def test_signups_of_a_batch_come_first() -> None:
    """In one batch a signup opens the wallet for the events before it, and outcomes keep the order of the events."""
    scenario = Scenario()

    outcomes = scenario.post(transfer(transaction_id(2), ALICE, BOB, 1), topup(T, ALICE, 1), signup(BOB), signup(ALICE))

    assert ["refused", "applied", "opened", "opened"] == [outcome.kind for outcome in outcomes]


def test_duplicates_in_one_batch_count_once(scenario: Scenario) -> None:
    """An event that comes three times in one batch is applied once and answered once."""
    event = transfer(T, ALICE, CAROL, 60)

    outcomes = scenario.post(event, event, transfer_v1(T, ALICE, CAROL, 60))

    assert ["applied", "repeated", "repeated"] == [outcome.kind for outcome in outcomes]
    assert (4_000, 6_000) == (scenario.balance(ALICE), scenario.balance(CAROL))
    assert len([body for body in scenario.publish() if body["transactionId"] == T]) == 1


def test_batch_sees_its_own_changes_of_what_was_known(scenario: Scenario) -> None:
    """An event of a batch meets wallets and records as the events before it leave them, not as they were stored."""
    scenario.post(transfer(T, ALICE, CAROL, 60), failed(transaction_id(2)))

    outcomes = scenario.post(
        failed(T),
        failed(T),
        transfer(T, ALICE, CAROL, 60),
        transfer(transaction_id(3), CAROL, ALICE, 60),
        transfer(transaction_id(2), ALICE, CAROL, 1),
        transfer(transaction_id(2), ALICE, CAROL, 2),
    )

    assert ["reversed", "nothing", "repeated", "refused", "refused", "set_aside"] == [
        outcome.kind for outcome in outcomes
    ]
    assert (10_000, 0) == (scenario.balance(ALICE), scenario.balance(CAROL))


def test_repetition_is_answered_once_in_a_unit_of_work(scenario: Scenario) -> None:
    """A recorded answer is repeated at most once per unit of work, however often it is asked for."""
    scenario.post_one(transfer(T, ALICE, CAROL, 60))
    scenario.publish()

    scenario.post(*[transfer(T, ALICE, CAROL, 60)] * 20)

    assert [T] == [body["transactionId"] for body in scenario.publish()]


def test_empty_batch_is_nothing(scenario: Scenario) -> None:
    """No event gives no outcome and changes nothing."""
    before = scenario.final_state()

    assert () == scenario.post()
    assert before == scenario.final_state()


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize(
    ("ahead", "outcome"), [(0, OutcomeKind.APPLIED), (-1, OutcomeKind.REFUSED), (1, OutcomeKind.REFUSED)]
)
def test_version_conflict_is_answered(scenario: Scenario, ahead: int, position: int, outcome: OutcomeKind) -> None:
    """A caller who names an expected version that is not current, of either wallet, is answered, and nothing moves."""
    scenario.fund(CAROL, 1)
    (request,) = scenario.requests([transfer(T, ALICE, CAROL, 1)])
    assert isinstance(request, Linked)
    legs = list(request.legs)
    legs[position] = replace(legs[position], expected_version=1 + ahead)

    (result,) = asyncio.run(
        post_all([request._replace(legs=tuple(legs))], scenario.store, scenario.clock, scenario.policy)
    )

    reason = None if outcome is OutcomeKind.APPLIED else "Wallet version conflict"
    assert (outcome, reason) == (result.kind, result.reason)
    assert (9_900 if outcome is OutcomeKind.APPLIED else 10_000) == scenario.balance(ALICE)


def test_same_requests_give_the_same_plan(scenario: Scenario) -> None:
    """A decision can be replayed: the same requests, state and instant give the same plan."""
    requests = scenario.requests([transfer(T, ALICE, CAROL, 60), failed(T), signup(STRANGER)])
    state = State({id_: scenario.wallet(id_) for id_ in (ALICE, CAROL)}, {})

    first, second = (plan(requests, state, scenario.policy, scenario.clock.now()) for _ in range(2))

    assert first == second


def test_time_of_a_wallet_does_not_go_back_with_the_clock(scenario: Scenario) -> None:
    """When the machine's clock is set back, new entries are recorded at the time of the last one."""
    last = scenario.wallet(ALICE).changed_at
    scenario.clock.advance(-(scenario.clock.now() - scenario.clock.now().replace(hour=0)))

    scenario.post_one(topup(T, ALICE, 1))

    assert last == scenario.entries(ALICE)[-1].recorded_at
