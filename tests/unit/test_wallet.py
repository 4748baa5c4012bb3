"""A wallet: never below zero, never over the limit, its version counts its entries, time never goes back in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.scenario import ALICE, BOB
from wallet_core import (
    AMOUNT_MINOR_MAX,
    BalanceLimitExceeded,
    Cause,
    Direction,
    Entry,
    EntryKind,
    InsufficientFunds,
    LedgerCorrupted,
    Leg,
    VersionConflict,
    Wallet,
)
from wallet_core.ledger import GENESIS_HASH
from wallet_core.wallet import wallet_id_of

NOW = datetime(2025, 1, 15, 11, 0, 5, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
CAUSE = Cause("507f1f77bcf86cd799439014", EntryKind.TRANSFER, LATER, counterparty_id=BOB, description="Lunch")
REVERSAL = CAUSE._replace(kind=EntryKind.REVERSAL)


def wallet_with(balance_minor: int) -> Wallet:
    """Give Alice's wallet after one credit of this amount; with 0 it is empty."""
    empty = Wallet.open(ALICE, "USD", NOW)
    return empty.after(empty.credit(balance_minor, CAUSE)) if balance_minor else empty


def leg_of(wallet: Wallet, direction: Direction, amount_minor: int) -> Leg:
    """Give one side of an earlier transaction of this wallet."""
    return Leg(ALICE, wallet.id, direction, amount_minor, sequence=1)


def test_new_wallet_is_empty() -> None:
    """A wallet is opened with a balance of 0 and no entry."""
    wallet = Wallet.open(ALICE, "USD", NOW)

    assert (ALICE, "USD", 0, 0, GENESIS_HASH) == (
        wallet.user_id,
        wallet.currency,
        wallet.balance_minor,
        wallet.version,
        wallet.head_hash,
    )
    assert (NOW, NOW) == (wallet.opened_at, wallet.changed_at)


def test_id_of_a_wallet_follows_from_owner_and_currency() -> None:
    """Opening the same wallet twice gives the same 24-hex id; another owner or currency gives another one."""
    ids = {wallet_id_of(ALICE, "USD"), wallet_id_of(BOB, "USD"), wallet_id_of(ALICE, "EUR")}

    assert len(ids) == 3
    assert all(len(id_) == 24 and int(id_, 16) >= 0 for id_ in ids)
    assert wallet_id_of(ALICE, "USD") == Wallet.open(ALICE, "USD", LATER).id
    assert wallet_id_of(ALICE, "USD") == "489b08068bedcc92999702cb"


def test_credit_raises_the_balance() -> None:
    """A credit is an entry whose sequence is the version after it and whose balance is the one after it."""
    wallet = wallet_with(100)

    entry = wallet.credit(50, CAUSE)

    assert (wallet.id, 2, Direction.CREDIT, 50, 150) == (
        entry.wallet_id,
        entry.sequence,
        entry.direction,
        entry.amount_minor,
        entry.balance_after_minor,
    )
    assert (CAUSE.transaction_id, EntryKind.TRANSFER, BOB, "Lunch", "USD") == (
        entry.transaction_id,
        entry.kind,
        entry.counterparty_id,
        entry.description,
        entry.currency,
    )
    assert entry.hash_after(wallet.head_hash) == entry.hash


def test_debit_lowers_the_balance() -> None:
    """A debit of all there is leaves zero."""
    wallet = wallet_with(100)

    entry = wallet.debit(100, CAUSE)

    assert (Direction.DEBIT, 100, 0) == (entry.direction, entry.amount_minor, entry.balance_after_minor)
    assert (0, 2) == (wallet.after(entry).balance_minor, wallet.after(entry).version)


@pytest.mark.parametrize("balance_minor", [0, 99])
def test_debit_over_the_balance_is_refused(balance_minor: int) -> None:
    """A balance never goes below zero: not by one cent."""
    wallet = wallet_with(balance_minor)

    with pytest.raises(InsufficientFunds) as refused:
        wallet.debit(100, CAUSE)

    assert (wallet.id, balance_minor, 100) == (
        refused.value.wallet_id,
        refused.value.balance_minor,
        refused.value.amount_minor,
    )
    assert refused.value.reason == "Insufficient balance"


def test_balance_may_reach_the_limit_and_not_pass_it() -> None:
    """A balance holds at most 10^15 minor units."""
    wallet = wallet_with(AMOUNT_MINOR_MAX - 1)

    assert wallet.credit(1, CAUSE).balance_after_minor == AMOUNT_MINOR_MAX
    with pytest.raises(BalanceLimitExceeded) as refused:
        wallet.credit(2, CAUSE)
    assert refused.value.reason == "Balance limit exceeded"


def test_expected_version_is_checked_first() -> None:
    """A caller who names another version than the current one is told so, whatever the balance."""
    wallet = wallet_with(100)

    for version in (0, 2):
        with pytest.raises(VersionConflict) as conflict:
            wallet.debit(1_000, CAUSE, expected_version=version)
        assert (1, version) == (conflict.value.version, conflict.value.expected_version)
        with pytest.raises(VersionConflict):
            wallet.credit(AMOUNT_MINOR_MAX, CAUSE, expected_version=version)


def test_expected_version_that_is_current_is_fine() -> None:
    """A caller who names the current version is served, and version 0 is a version too."""
    assert wallet_with(100).debit(1, CAUSE, expected_version=1).sequence == 2
    assert wallet_with(0).credit(1, CAUSE, expected_version=0).sequence == 1
    with pytest.raises(VersionConflict):
        wallet_with(100).credit(1, CAUSE, expected_version=0)


def test_reversal_of_a_debit_is_a_credit() -> None:
    """The opposite of a debit is a credit that names the entry it cancels."""
    wallet = wallet_with(100)

    entry = wallet.reverse(leg_of(wallet, Direction.DEBIT, 40), REVERSAL, may_overdraw=False)

    assert (Direction.CREDIT, 40, 140, 1) == (
        entry.direction,
        entry.amount_minor,
        entry.balance_after_minor,
        entry.reverses_sequence,
    )


def test_reversal_of_a_credit_is_a_debit() -> None:
    """The opposite of a credit is a debit that names the entry it cancels."""
    wallet = wallet_with(100)

    entry = wallet.reverse(leg_of(wallet, Direction.CREDIT, 100), REVERSAL, may_overdraw=False)

    assert (Direction.DEBIT, 100, 0, 1) == (
        entry.direction,
        entry.amount_minor,
        entry.balance_after_minor,
        entry.reverses_sequence,
    )


def test_reversal_of_spent_money_is_refused() -> None:
    """What the owner has spent cannot be taken back without overdraft."""
    wallet = wallet_with(99)

    with pytest.raises(InsufficientFunds):
        wallet.reverse(leg_of(wallet, Direction.CREDIT, 100), REVERSAL, may_overdraw=False)


def test_reversal_may_overdraw_where_the_deployment_says_so() -> None:
    """A reversal alone may take the balance below zero; the wallet then takes money and gives none."""
    wallet = wallet_with(99)

    overdrawn = wallet.after(wallet.reverse(leg_of(wallet, Direction.CREDIT, 100), REVERSAL, may_overdraw=True))

    assert overdrawn.balance_minor == -1
    assert overdrawn.after(overdrawn.credit(1, CAUSE)).balance_minor == 0
    with pytest.raises(InsufficientFunds):
        overdrawn.debit(1, CAUSE)


def test_reversal_respects_the_limit_even_with_overdraft() -> None:
    """Money that comes back to its sender does not lift the balance over the limit."""
    wallet = wallet_with(AMOUNT_MINOR_MAX)

    for may_overdraw in (False, True):
        with pytest.raises(BalanceLimitExceeded):
            wallet.reverse(leg_of(wallet, Direction.DEBIT, 1), REVERSAL, may_overdraw=may_overdraw)


def test_credit_of_an_overdrawn_wallet_may_leave_it_overdrawn() -> None:
    """A credit that does not reach zero is still a credit."""
    wallet = wallet_with(10)
    overdrawn = wallet.after(wallet.reverse(leg_of(wallet, Direction.CREDIT, 100), REVERSAL, may_overdraw=True))

    assert overdrawn.after(overdrawn.credit(5, CAUSE)).balance_minor == -85


def test_time_never_goes_back_within_a_wallet() -> None:
    """An entry is never recorded before the one before it, however the clock jumps."""
    wallet = wallet_with(100)

    early = wallet.credit(1, CAUSE._replace(now=NOW - timedelta(days=2)))
    late = wallet.credit(1, CAUSE._replace(now=LATER + timedelta(days=2)))

    assert (LATER, LATER + timedelta(days=2)) == (early.recorded_at, late.recorded_at)
    assert LATER + timedelta(days=2) == wallet.after(late).changed_at
    assert NOW == wallet.after(late).opened_at


def test_wallet_takes_over_the_head_of_its_chain() -> None:
    """After an entry the wallet's head is the entry's seal."""
    wallet = wallet_with(100)
    entry = wallet.debit(1, CAUSE)

    assert entry.hash == wallet.after(entry).head_hash


GOOD = wallet_with(100).debit(40, CAUSE)
WRONG: dict[str, Entry] = {
    "another wallet": GOOD._replace(wallet_id="507f1f77bcf86cd799439012"),
    "a gap": GOOD._replace(sequence=3),
    "a repetition": GOOD._replace(sequence=1),
    "another balance": GOOD._replace(balance_after_minor=61),
    "another currency": GOOD._replace(currency="EUR"),
    "nothing": GOOD._replace(amount_minor=0, balance_after_minor=100),
    "a negative amount": GOOD._replace(amount_minor=-40, balance_after_minor=140),
    "below zero": GOOD._replace(amount_minor=101, balance_after_minor=-1),
    "below zero by a top-up": GOOD._replace(kind=EntryKind.TOPUP, amount_minor=101, balance_after_minor=-1),
}


@pytest.mark.parametrize("entry", WRONG.values(), ids=WRONG)
def test_entry_that_does_not_follow_is_no_entry_of_this_wallet(entry: Entry) -> None:
    """Facts that contradict each other are never applied: a person must look."""
    with pytest.raises(LedgerCorrupted):
        wallet_with(100).after(entry)


def test_wallet_is_the_fold_of_its_entries() -> None:
    """A wallet can be rebuilt from its entries."""
    wallet = wallet_with(100)
    entries = [wallet_with(0).credit(100, CAUSE)]
    for amount_minor in (10, 20, 70):
        entries.append(wallet.debit(amount_minor, CAUSE))
        wallet = wallet.after(entries[-1])

    rebuilt = Wallet.open(ALICE, "USD", NOW)
    for entry in entries:
        rebuilt = rebuilt.after(entry)

    assert wallet == rebuilt
    assert (4, 0) == (rebuilt.version, rebuilt.balance_minor)
