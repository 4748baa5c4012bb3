"""
Explanations of what a ``failed`` has done: void, taken back, or to be taken back.

Alice has 100.00, Bob's wallet is full, Carol's is empty (fixture ``scenario``).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.edited_past import difference, explained, seen, unseen, words
from tests.scenario import ALICE, BOB, CAROL, USD, Scenario, failed, transaction_id, transfer
from wallet_core import OutcomeKind, Policy, Reverse, Shortfall, post_all
from wallet_core.explanation import Explanation, Verdict
from wallet_core.past import UNCERTAINTY
from wallet_core.reasons import Range

T = transaction_id(1)
NEXT = transaction_id(2)


def outcomes(explanation: Explanation) -> list[OutcomeKind]:
    """Give how each decision ended."""
    return [each.decision.outcome for each in explanation.decisions]


def changes(explanation: Explanation, position: int) -> list[tuple[int, int | None]]:
    """Give what a decision added to each wallet, and what that held afterwards."""
    return [(holding.change_minor, holding.after_minor) for holding in explanation.decisions[position].holdings]


def test_what_failed_first_is_void(scenario: Scenario) -> None:
    """A tombstone alone, and one whose ``completed`` has come, are told in the order of what happened."""
    scenario.post(failed(T, "The bank said no").but(failedAt="2025-01-15T10:00:00Z"), failed(NEXT))
    scenario.clock.advance(timedelta(seconds=3))
    scenario.post(transfer(NEXT, ALICE, CAROL, 1))

    alone, answered = explained(scenario, T), explained(scenario, NEXT)

    assert [Verdict.SAME, Verdict.SAME] == [alone.verdict, answered.verdict]
    assert [OutcomeKind.VOID] == outcomes(alone)
    assert () == alone.remarks
    assert [OutcomeKind.VOID, OutcomeKind.REFUSED] == outcomes(answered)
    assert "had come before it, at 2025-01-15T11:00:05.000Z" in words(answered)


def test_a_reversal_shows_both_decisions(scenario: Scenario) -> None:
    """What was applied and what took it back, each with the numbers of its time."""
    scenario.post(transfer(T, ALICE, CAROL, 60))
    scenario.clock.advance(timedelta(hours=1))
    scenario.post(failed(T, "The bank said no").but(failedAt="2025-01-15T12:00:00Z"))

    explanation = explained(scenario, T)

    assert Verdict.SAME is explanation.verdict
    assert [OutcomeKind.APPLIED, OutcomeKind.REVERSED] == outcomes(explanation)
    assert [(-6_000, 4_000), (6_000, 6_000)] == changes(explanation, 0)
    assert [(6_000, 10_000), (-6_000, 0)] == changes(explanation, 1)


def test_an_overdraft_is_told_and_is_a_matter_of_policy() -> None:
    """A reversal that went below zero says who lets it, and would be due without that setting."""
    scenario = _spent(Policy(USD, shortfall=Shortfall.OVERDRAW))
    scenario.post(failed(T))

    explanation, waiting = explained(scenario, T), explained(scenario, T, policy=Policy(USD))

    assert [Verdict.SAME, Verdict.DIFFERENT] == [explanation.verdict, waiting.verdict]
    assert f"That took {CAROL} below zero" in words(explanation)
    fact, then, now = difference(waiting, 1)
    assert ("outcome", "reversed (Transaction failed)") == (fact, then)
    assert now.startswith("reversal_due (")
    assert "WALLET_REVERSAL_SHORTFALL" in words(waiting)


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_reversal_that_is_due_is_tried_now(is_seen: bool) -> None:  # noqa: FBT001 - parametrized
    """It says why it is due, that it still is, and once the money is there, that it is not any more."""
    scenario = _spent(Policy(USD))
    scenario.post(failed(T))
    past = seen(scenario, {ALICE: 2, CAROL: 2}) if is_seen else unseen(scenario)

    due = explained(scenario, T, past)
    overdrawn = explained(scenario, T, past, Policy(USD, shortfall=Shortfall.OVERDRAW))
    scenario.clock.advance(2 * UNCERTAINTY)
    scenario.fund(CAROL, 60, transaction_id(3))
    ready = explained(scenario, T, past)

    assert [Verdict.SAME, Verdict.DIFFERENT, Verdict.SAME] == [each.verdict for each in (due, overdrawn, ready)]
    assert [OutcomeKind.APPLIED, OutcomeKind.REVERSAL_DUE] == outcomes(due)
    assert (Range(2, 2) if is_seen else Range(1, 2)) == due.decisions[1].holdings[1].version
    assert "cannot give 6000" in due.decisions[1].reasons[0]
    assert [is_seen, is_seen] == ["not recorded" not in words(due), "clock" not in words(overdrawn)]
    assert "it would still be due" in words(due)
    assert "it would be taken back" in words(ready)
    assert f"transactionId={T}" in words(ready)


def test_the_dead_letter_of_a_due_reversal_is_part_of_it() -> None:
    """What the last try has left for a person is decided again, too."""
    scenario = _spent(Policy(USD))
    (request,) = scenario.requests([failed(T)])
    assert isinstance(request, Reverse)
    asyncio.run(
        post_all([replace(request, dead_letter_id="letter-1")], scenario.store, scenario.clock, scenario.policy)
    )

    assert "letter-1" == scenario.known(T).dead_letter_id
    assert Verdict.SAME is explained(scenario, T).verdict


def _spent(policy: Policy) -> Scenario:
    """Let Alice send Carol 60.00, which she sends on to Bob."""
    scenario = Scenario(policy)
    scenario.open(ALICE, BOB, CAROL)
    scenario.fund(ALICE, 100)
    scenario.post(transfer(T, ALICE, CAROL, 60), transfer(NEXT, CAROL, BOB, 60))
    return scenario
