"""A wallet that is not there yet, never comes, or waits for a person."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.scenario import (
    ALICE,
    CAROL,
    Event,
    Scenario,
    signup,
    topup,
    transaction_id,
    transfer,
)
from wallet_core import (
    AMOUNT_MINOR_MAX,
    OutcomeKind,
)

T = transaction_id(1)
STRANGER = "507f1f77bcf86cd7994390ff"
FULL = Decimal(AMOUNT_MINOR_MAX) / 100


@pytest.mark.parametrize(
    "event", [transfer(T, ALICE, STRANGER, 1), transfer(T, STRANGER, ALICE, 1), topup(T, STRANGER, 1)]
)
def test_unknown_wallet_waits(scenario: Scenario, event: Event) -> None:
    """An unknown wallet is not yet a refusal: nothing is recorded, and the event applies once the signup has come."""
    before = scenario.final_state()

    outcome = scenario.post_one(event)

    assert OutcomeKind.UNKNOWN_WALLET is outcome.kind
    assert before == scenario.final_state()
    assert [] == [body for body in scenario.publish() if body["transactionId"] == T]
    scenario.open(STRANGER)
    scenario.fund(STRANGER, 1, transaction_id(0xC))
    assert OutcomeKind.APPLIED is scenario.post_one(event).kind


@pytest.mark.parametrize(
    "event", [transfer(T, ALICE, STRANGER, 1), transfer(T, STRANGER, ALICE, 1), topup(T, STRANGER, 1)]
)
def test_unknown_wallet_is_refused_when_the_wait_is_over(scenario: Scenario, event: Event) -> None:
    """After the wait an unknown wallet is a refusal, and stays one when the signup comes after all."""
    outcome = scenario.post_one(event, wait_is_over=True)

    assert (OutcomeKind.REFUSED, "Wallet not found") == (outcome.kind, outcome.reason)
    scenario.open(STRANGER)
    assert OutcomeKind.REPEATED is scenario.post_one(event).kind
    assert scenario.balance(STRANGER) == 0


def test_end_of_the_wait_changes_nothing_for_known_wallets(scenario: Scenario) -> None:
    """An event that has waited is applied like any other once its wallets are there."""
    assert OutcomeKind.APPLIED is scenario.post_one(transfer(T, ALICE, CAROL, 1), wait_is_over=True).kind


def test_unknown_wallet_comes_before_funds(scenario: Scenario) -> None:
    """Whether a wallet exists is asked before what is in the other one."""
    assert OutcomeKind.UNKNOWN_WALLET is scenario.post_one(transfer(T, CAROL, STRANGER, 1_000)).kind


@pytest.mark.parametrize("event", [transfer(T, ALICE, CAROL, 1), transfer(T, CAROL, ALICE, 1), topup(T, CAROL, 1)])
def test_suspended_wallet_refuses_postings(scenario: Scenario, event: Event) -> None:
    """A wallet that a person must decide about takes no part in any posting; the other wallet stays untouched."""
    scenario.store.suspend(CAROL)

    outcome = scenario.post_one(event)

    assert (OutcomeKind.REFUSED, "Wallet suspended") == (outcome.kind, outcome.reason)
    assert scenario.balance(ALICE) == 10_000


def test_signup_does_not_replace_a_suspended_wallet(scenario: Scenario) -> None:
    """A suspended wallet exists: a signup opens no second one."""
    scenario.store.suspend(CAROL)

    assert OutcomeKind.NOTHING is scenario.post_one(signup(CAROL)).kind
    assert (OutcomeKind.REFUSED, "Wallet suspended") == (
        (outcome := scenario.post_one(topup(T, CAROL, 1))).kind,
        outcome.reason,
    )
