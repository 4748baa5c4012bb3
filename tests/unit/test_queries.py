"""The read side: a balance, and a statement whose pages neither repeat nor skip a row while money moves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.scenario import ALICE, BOB, CAROL, Scenario, failed, topup, transaction_id, transfer
from wallet_core import EntryKind, Statement, balance, statement
from wallet_core.ports import StatementQuery
from wallet_core.queries import STATEMENT_ROWS_MAX

STRANGER = "507f1f77bcf86cd7994390ff"


@pytest.fixture
def history() -> Scenario:
    """Alice has ten entries, one a minute: eight top-ups, a transfer, and its reversal."""
    scenario = Scenario()
    scenario.open(ALICE, BOB)
    for number in range(8):
        scenario.post(topup(transaction_id(number), ALICE, 1))
        scenario.clock.advance(timedelta(minutes=1))
    for event in (transfer(transaction_id(8), ALICE, BOB, 1), failed(transaction_id(8))):
        scenario.post(event)
        scenario.clock.advance(timedelta(minutes=1))
    return scenario


def page(scenario: Scenario, query: StatementQuery) -> Statement:
    """Read one page of a user who has a wallet."""
    found = asyncio.run(statement(scenario.store, query))
    assert found is not None
    return found


def sequences(found: Statement) -> list[int]:
    """Give the sequences of a page's rows."""
    return [entry.sequence for entry in found.entries]


def test_balance_is_the_wallet(history: Scenario) -> None:
    """A balance is read with the wallet that holds it."""
    wallet = asyncio.run(balance(history.store, ALICE))

    assert wallet is not None
    assert (800, 10) == (wallet.balance_minor, wallet.version)


def test_nobody_has_no_balance_and_no_statement(history: Scenario) -> None:
    """Who has no wallet, or one that may not be used, has neither balance nor statement."""
    history.store.suspend(CAROL)

    for user_id in (STRANGER, CAROL):
        assert asyncio.run(balance(history.store, user_id)) is None
        assert asyncio.run(statement(history.store, StatementQuery(user_id, limit=10))) is None


def test_empty_wallet_has_an_empty_statement() -> None:
    """A wallet without entries has one page without rows."""
    scenario = Scenario()
    scenario.open(ALICE)

    assert ([], None) == (sequences(found := page(scenario, StatementQuery(ALICE, limit=10))), found.next_cursor)


def test_statement_is_newest_first(history: Scenario) -> None:
    """A page starts with the newest entry; its cursor is there only if there is more."""
    first = page(history, StatementQuery(ALICE, limit=4))
    whole = page(history, StatementQuery(ALICE, limit=10))

    assert ([10, 9, 8, 7], 7) == (sequences(first), first.next_cursor)
    assert (list(range(10, 0, -1)), None) == (sequences(whole), whole.next_cursor)


def test_pages_follow_each_other_while_money_moves(history: Scenario) -> None:
    """Reading on by cursor gives every older row once, whatever is posted meanwhile."""
    rows, cursor = [], None
    for number in range(20, 40):
        found = page(history, StatementQuery(ALICE, limit=3, before_sequence=cursor))
        rows += sequences(found)
        history.post(topup(transaction_id(number), ALICE, 1))
        cursor = found.next_cursor
        if cursor is None:
            break

    assert list(range(10, 0, -1)) == rows


def test_statement_of_one_kind(history: Scenario) -> None:
    """A statement can be of one kind, and its pages follow each other too."""
    query = StatementQuery(ALICE, limit=5, kind=EntryKind.TOPUP)

    first = page(history, query)
    second = page(history, replace(query, before_sequence=first.next_cursor))

    assert ([8, 7, 6, 5, 4], [3, 2, 1], None) == (sequences(first), sequences(second), second.next_cursor)
    assert [10] == sequences(page(history, replace(query, kind=EntryKind.REVERSAL)))


def test_statement_of_a_time(history: Scenario) -> None:
    """A statement can be of a time: from is inclusive, until is exclusive."""
    third, fifth = (history.entries(ALICE)[index].recorded_at for index in (2, 4))

    found = page(history, StatementQuery(ALICE, limit=50, recorded_from=third, recorded_until=fifth))

    assert [4, 3] == sequences(found)


@pytest.mark.parametrize("limit", [-1, 0, STATEMENT_ROWS_MAX + 1])
def test_page_has_one_to_two_hundred_rows(history: Scenario, limit: int) -> None:
    """A page of no row, or of more than 200, is the caller's mistake."""
    with pytest.raises(ValueError, match="1 to 200"):
        asyncio.run(statement(history.store, StatementQuery(ALICE, limit=limit)))


@pytest.mark.parametrize("limit", [1, STATEMENT_ROWS_MAX])
def test_smallest_and_largest_page(history: Scenario, limit: int) -> None:
    """A page of 1 row and one of 200 are fine."""
    assert min(limit, 10) == len(page(history, StatementQuery(ALICE, limit=limit)).entries)
