"""The law of explanations: under the policy that it was decided by, everything ends as it did."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.edited_past import explained, unseen
from tests.scenario import USD, Event, Scenario
from wallet_core import Policy, SetAside, request_of
from wallet_core.explanation import Verdict
from wallet_core.past import UNCERTAINTY
from wallet_core.testing.strategies import batches_of, hostile_histories, policies

BATCHES_MAX = 6
STEP_S_MAX = UNCERTAINTY // timedelta(seconds=1) // BATCHES_MAX
"""How far the clock goes back between two batches: so little that all stays within what is uncertain anyway."""


@given(hostile_histories(), st.data(), policies())
def test_every_decision_is_made_again(history: list[Event], data: st.DataObject, policy: Policy) -> None:
    """Whatever comes in whatever order and batches, each transaction is explained, and ends as it did."""
    scenario = Scenario(policy)
    usable = [e for e in history if not isinstance(request_of(e.subject, e.message, USD), SetAside)]

    for batch in data.draw(batches_of(usable)):
        scenario.post(*batch, wait_is_over=data.draw(st.booleans()))
        scenario.clock.advance(timedelta(seconds=data.draw(st.integers(-STEP_S_MAX, 3 * STEP_S_MAX))))

    for record in scenario.store.transactions():
        for past in (None, unseen(scenario)):
            explanation = explained(scenario, record.id, past)
            assert Verdict.SAME is explanation.verdict, explanation
            assert explanation.decisions, explanation
            assert all(decision.reasons for decision in explanation.decisions), explanation
