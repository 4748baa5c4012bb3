"""Opening wallets, with and without an opening balance."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.scenario import (
    ALICE,
    BOB,
    USD,
    Scenario,
    failed,
    signup,
    transaction_id,
    transfer,
)
from wallet_core import (
    AMOUNT_MINOR_MAX,
    EntryKind,
    OutcomeKind,
    Policy,
    TransactionKind,
    TransactionState,
)

T = transaction_id(1)
STRANGER = "507f1f77bcf86cd7994390ff"
FULL = Decimal(AMOUNT_MINOR_MAX) / 100


def test_signup_opens_one_wallet() -> None:
    """However often a user signs up, in one batch or later, there is one empty wallet."""
    scenario = Scenario()

    outcomes = [*scenario.post(signup(ALICE), signup(ALICE.upper())), scenario.post_one(signup(ALICE))]

    assert [OutcomeKind.OPENED, OutcomeKind.NOTHING, OutcomeKind.NOTHING] == [outcome.kind for outcome in outcomes]
    assert ([ALICE], 0, 0) == (
        [wallet.user_id for wallet in scenario.store.wallets()],
        scenario.wallet(ALICE).version,
        scenario.balance(ALICE),
    )
    assert [] == scenario.publish()


def test_opening_balance_is_an_entry() -> None:
    """An opening balance is the first entry of a wallet, with a record of its own and no answer."""
    scenario = Scenario(Policy(USD, opening_balance_minor=2_500))

    scenario.post_one(signup(ALICE).but(createdAt="2025-01-15T10:30:00Z"))

    (entry,) = scenario.entries(ALICE)
    assert (EntryKind.OPENING, 2_500, 1, 2_500) == (
        entry.kind,
        entry.signed_minor,
        entry.sequence,
        entry.balance_after_minor,
    )
    record = scenario.known(entry.transaction_id)
    assert (TransactionState.APPLIED, TransactionKind.OPENING, None, 2_500) == (
        record.state,
        record.kind,
        record.answer,
        record.amount_minor,
    )
    assert [(ALICE, 1)] == [(leg.user_id, leg.sequence) for leg in record.legs]
    signed_up_at = datetime(2025, 1, 15, 10, 30, tzinfo=UTC)
    assert (ALICE, signed_up_at, signed_up_at) == (record.recipient_id, record.occurred_at, entry.occurred_at)
    assert [] == scenario.publish()


def test_opening_balance_of_zero_is_no_entry() -> None:
    """An opening balance of 0 leaves no trace."""
    scenario = Scenario(Policy(USD, opening_balance_minor=0))

    scenario.open(ALICE)

    assert ((), ()) == (tuple(scenario.entries(ALICE)), tuple(scenario.store.transactions()))


def test_opening_balance_can_be_spent_in_the_batch_of_the_signup() -> None:
    """An opening balance is there for the events of the same batch, and only once."""
    scenario = Scenario(Policy(USD, opening_balance_minor=2_500))

    outcomes = scenario.post(transfer(T, ALICE, BOB, 25), signup(ALICE), signup(BOB), signup(ALICE))

    assert OutcomeKind.APPLIED is outcomes[0].kind
    assert (0, 5_000) == (scenario.balance(ALICE), scenario.balance(BOB))


def test_no_producer_can_name_an_opening() -> None:
    """The id of an opening's record is no usable id: no message can reverse it."""
    scenario = Scenario(Policy(USD, opening_balance_minor=1))
    scenario.open(ALICE)
    (record,) = scenario.store.transactions()

    with pytest.raises(AssertionError, match="no usable id"):
        scenario.post(failed(record.id))
