"""
The state table of a transaction (docs/events.md), cell by cell.

Alice has 100.00, Bob nothing. The transaction is a transfer of 60.00 from Alice to Bob, or of 600.00 where it is to be
refused. ``spend`` sends Bob's 60.00 on to Carol, ``refill`` gives Bob 60.00 again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.scenario import (
    ALICE,
    BOB,
    CAROL,
    Event,
    Scenario,
    failed,
    topup,
    transaction_id,
    transfer,
    transfer_v1,
)
from wallet_core import Vocabulary

T = transaction_id(1)
EVENTS = {
    Vocabulary.DOCUMENTED: {
        "completed": transfer(T, ALICE, BOB, 60),
        "completed 600": transfer(T, ALICE, BOB, 600),
        "failed": failed(T, "The bank said no").but(type="transfer"),
    },
    Vocabulary.V1: {
        "completed": transfer_v1(T, ALICE, BOB, 60),
        "completed 600": transfer_v1(T, ALICE, BOB, 600),
        "failed": failed(T, "The bank said no").but(type="Transfer"),
    },
}
MONEY = {"spend": transfer(transaction_id(2), BOB, CAROL, 60), "refill": topup(transaction_id(3), BOB, 60)}
TABLE = """
state before | events; the cell is about the last    | outcome      | state after  | answer published | Alice, Bob
-------------|---------------------------------------|--------------|--------------|------------------|-----------
no record    | completed                             | applied      | applied      | completed 1      | 40, 60
no record    | completed 600                         | refused      | refused      | failed 1         | 100, 0
no record    | failed                                | void         | void         | none             | 100, 0
applied      | completed, completed                  | repeated     | applied      | completed 1      | 40, 60
applied      | completed, failed                     | reversed     | reversed     | failed 2         | 100, 0
applied      | completed, spend, failed              | reversal_due | reversal_due | none             | 40, 0
refused      | completed 600, completed 600          | repeated     | refused      | failed 1         | 100, 0
refused      | completed 600, failed                 | nothing      | refused      | none             | 100, 0
void         | failed, completed                     | refused      | void         | failed 1         | 100, 0
void         | failed, completed 600                 | refused      | void         | failed 1         | 100, 0
void         | failed, failed                        | nothing      | void         | none             | 100, 0
void         | failed, completed, completed          | repeated     | void         | failed 1         | 100, 0
void         | failed, completed, failed             | nothing      | void         | none             | 100, 0
reversal_due | completed, spend, failed, completed   | nothing      | reversal_due | none             | 40, 0
reversal_due | completed, spend, failed, failed      | reversal_due | reversal_due | none             | 40, 0
reversal_due | completed, spend, failed, refill, failed | reversed  | reversed     | failed 2         | 100, 0
reversed     | completed, failed, completed          | repeated     | reversed     | failed 2         | 100, 0
reversed     | completed, failed, failed             | nothing      | reversed     | none             | 100, 0
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """What happens when the last of ``events`` arrives; balances are Alice's and Bob's after it, in dollars."""

    state_before: str
    events: str
    outcome: str
    state: str
    answer: str
    balances: str


CELLS = [Cell(*map(str.strip, line.split("|"))) for line in TABLE.strip().splitlines()[2:]]
by_cell = pytest.mark.parametrize("cell", CELLS, ids=[cell.events for cell in CELLS])


def prepared() -> Scenario:
    """Open the wallets and give Alice 100.00."""
    scenario = Scenario()
    scenario.open(ALICE, BOB, CAROL)
    scenario.fund(ALICE, 100)
    return scenario


def events_of(cell: Cell, vocabulary: Vocabulary) -> list[Event]:
    """Give the events that a cell names."""
    known = EVENTS[vocabulary] | MONEY
    return [known[name] for name in cell.events.split(", ")]


def balances_of(scenario: Scenario) -> str:
    """Give Alice's and Bob's balances in dollars."""
    return f"{scenario.balance(ALICE) // 100}, {scenario.balance(BOB) // 100}"


def answers_about_it(scenario: Scenario) -> list[str]:
    """Publish what waits, and give the answers about the transaction: status and revision."""
    return [f"{body['status']} {body['revision']}".lower() for body in scenario.publish() if body["transactionId"] == T]


@pytest.mark.parametrize("vocabulary", list(Vocabulary))
@by_cell
def test_cell_event_by_event(cell: Cell, vocabulary: Vocabulary) -> None:
    """Each cell of the state table gives its outcome, state, answer and balances."""
    scenario = prepared()
    *before, last = events_of(cell, vocabulary)
    for event in before:
        scenario.post_one(event)
    scenario.publish()

    outcome = scenario.post_one(last)

    assert (cell.outcome, cell.state) == (outcome.kind, scenario.known(T).state)
    assert cell.balances == balances_of(scenario)
    assert ([] if cell.answer == "none" else [cell.answer]) == answers_about_it(scenario)


@pytest.mark.parametrize("vocabulary", list(Vocabulary))
@by_cell
def test_cell_in_one_batch(cell: Cell, vocabulary: Vocabulary) -> None:
    """Each cell comes out the same when its history arrives in one batch with it; only the end of it is published."""
    scenario = prepared()

    outcomes = scenario.post(*events_of(cell, vocabulary))

    assert (cell.outcome, cell.state) == (outcomes[-1].kind, scenario.known(T).state)
    assert cell.balances == balances_of(scenario)
    recorded = scenario.known(T).answer
    assert ([] if recorded is None else [f"{recorded.status} {recorded.revision}"]) == answers_about_it(scenario)
    if cell.answer != "none":
        assert recorded is not None
        assert cell.answer == f"{recorded.status} {recorded.revision}"


def test_every_cell_is_here() -> None:
    """The table has a row for each of the two events in each of the six states."""
    states = ("no record", "applied", "refused", "void", "reversal_due", "reversed")

    cells = {(cell.state_before, cell.events.rsplit(", ", 1)[-1].split()[0]) for cell in CELLS}

    assert {(state, event) for state in states for event in ("completed", "failed")} == cells


def test_repeated_answer_is_byte_equal() -> None:
    """A repeated answer is the recorded one, to the byte and with its message id, however late it is asked for."""
    scenario = prepared()
    completed = EVENTS[Vocabulary.V1]["completed"]
    scenario.post(completed)
    scenario.publish()
    scenario.clock.advance(timedelta(days=400))

    scenario.post(completed.but(amount=Decimal("60.00"), unknown="field"))
    scenario.publish()

    first, second = [published for published in scenario.bus.published if T in published.body.decode()]
    assert first == second


def test_answer_is_in_the_vocabulary_of_the_first_question() -> None:
    """A question repeated in the other vocabulary gets the recorded answer."""
    scenario = prepared()
    scenario.post(EVENTS[Vocabulary.V1]["completed"])

    scenario.post(EVENTS[Vocabulary.DOCUMENTED]["completed"])

    assert scenario.answer(T).vocabulary is Vocabulary.V1


def test_tombstone_answers_in_the_vocabulary_of_its_completed() -> None:
    """A transaction that failed before it completed is answered in the vocabulary of its ``completed``."""
    for asked in Vocabulary:
        for first in Vocabulary:
            scenario = prepared()

            scenario.post(EVENTS[first]["failed"], EVENTS[asked]["completed"])

            assert asked is scenario.answer(T).vocabulary
            assert "failed before" in str(scenario.answer(T).reason)
