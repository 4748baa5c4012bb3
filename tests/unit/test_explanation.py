"""
Explanations: why a transaction ended so, with the numbers that were used.

Alice has 100.00, Bob's wallet is full, Carol's is empty (fixture ``scenario``).
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.edited_past import EditedPast, difference, explained, seen, unseen, words
from tests.scenario import ALICE, BOB, CAROL, Event, Scenario, topup, topup_v1, transaction_id, transfer
from wallet_core import OutcomeKind, TransactionRecord, Wallet
from wallet_core.explanation import Verdict
from wallet_core.past import UNCERTAINTY
from wallet_core.reasons import Holding, Range

T = transaction_id(1)
NEXT = transaction_id(2)
STRANGER = "507f1f77bcf86cd7994390ff"
LONGER = 2 * UNCERTAINTY
"""Long enough for two decisions to be in the order of their times."""


def exactly(number: int) -> Range:
    """Give a number that is known."""
    return Range(number, number)


def held(holding: Holding) -> tuple[Range | None, Range | None, int]:
    """Give version, balance, and what was asked."""
    return holding.version, holding.held_minor, holding.change_minor


def test_what_was_applied_is_shown_with_its_numbers(scenario: Scenario) -> None:
    """A transfer shows what both held before, what was asked of each, and what it held after."""
    scenario.post(topup(NEXT, CAROL, 5), transfer(T, ALICE, CAROL, 60))

    explanation = explained(scenario, T)

    (decision,) = explanation.decisions
    alices, carols = scenario.wallet(ALICE).id, scenario.wallet(CAROL).id
    assert (Verdict.SAME, OutcomeKind.APPLIED) == (explanation.verdict, decision.decision.outcome)
    assert (
        Holding(ALICE, alices, exactly(1), exactly(10_000), -6_000, 4_000),
        Holding(CAROL, carols, exactly(1), exactly(500), 6_000, 6_500),
    ) == decision.holdings
    assert f"{ALICE} gave 60.00 USD to {CAROL}" in words(explanation)


def test_a_topup_tells_who_got_it(scenario: Scenario) -> None:
    """A top-up has one side."""
    assert f"{ALICE} got 100.00 USD" in words(explained(scenario, transaction_id(0xA)))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (transfer(T, ALICE, CAROL, 1).but(type="gift"), "Unknown transaction type"),
        (transfer(T, ALICE, CAROL, 0), "Invalid amount: must be greater than zero"),
        (transfer(T, ALICE, CAROL, Decimal("0.001")), "Invalid amount: more than 2 decimal places"),
        (transfer(T, ALICE, "not an id", 1), "Invalid recipient"),
        (transfer(T, "not an id", CAROL, 1), "Invalid recipient"),
        (topup_v1(T, "", 1), "Invalid recipient"),
        (transfer(T, ALICE, ALICE, 1), "Cannot transfer to the same wallet"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_message_that_breaks_a_rule_is_read_again(scenario: Scenario, event: Event, reason: str) -> None:
    """What is recorded of it breaks the same rule again, and no wallet is looked at."""
    scenario.post(event)

    explanation = explained(scenario, T)

    (decision,) = explanation.decisions
    assert (Verdict.SAME, reason, ()) == (explanation.verdict, decision.decision.then.reason, decision.holdings)
    assert "Its message alone" in words(explanation)


def test_too_little_is_told_to_the_cent(scenario: Scenario) -> None:
    """Where the books say which version was seen, the numbers are exact, whatever has happened around it."""
    scenario.post(
        transfer(NEXT, ALICE, CAROL, 30), transfer(T, ALICE, CAROL, 80), transfer(transaction_id(3), ALICE, CAROL, 1)
    )

    explanation = explained(scenario, T, seen(scenario, {ALICE: 2, CAROL: 1}))

    (decision,) = explanation.decisions
    assert Verdict.SAME is explanation.verdict
    assert (exactly(2), exactly(7_000), -8_000) == held(decision.holdings[0])
    assert (f"{ALICE} held 70.00 USD and was to give 80.00 USD: 10.00 USD too little.",) == decision.reasons


def test_a_version_that_had_enough_is_a_difference(scenario: Scenario) -> None:
    """A refusal that the balance it saw does not bear out would be none now."""
    scenario.post(transfer(T, ALICE, CAROL, 101))
    scenario.fund(ALICE, 50)

    explanation = explained(scenario, T, seen(scenario, {ALICE: 1, CAROL: 0}))
    enough = explained(scenario, T, seen(scenario, {ALICE: 2, CAROL: 0}))

    assert [Verdict.SAME, Verdict.DIFFERENT] == [explanation.verdict, enough.verdict]
    assert ("outcome", "refused (Insufficient balance)", "applied") == difference(enough)
    assert "1.00 USD too little" in words(explanation)
    assert "it had enough" in words(enough)


def test_a_quiet_wallet_leaves_no_doubt(scenario: Scenario) -> None:
    """Where nothing else has happened around a refusal, one version is possible, though none is recorded."""
    scenario.clock.advance(LONGER)
    scenario.post(transfer(T, ALICE, CAROL, 101))
    scenario.clock.advance(LONGER)
    scenario.fund(ALICE, 50)

    explanation = explained(scenario, T, unseen(scenario))

    (decision,) = explanation.decisions
    assert Verdict.SAME is explanation.verdict
    assert (exactly(1), exactly(10_000), -10_100) == held(decision.holdings[0])
    assert "1.00 USD too little" in decision.reasons[0]
    assert "these alone" in decision.reasons[1]


def test_a_busy_wallet_is_shown_as_a_range(scenario: Scenario) -> None:
    """Where others moved its money around a refusal, the least and the most are told, and that it is not known."""
    scenario.clock.advance(LONGER)
    scenario.post(transfer(NEXT, ALICE, CAROL, 40))
    scenario.post(transfer(T, ALICE, CAROL, 80))
    scenario.fund(ALICE, 30)

    explanation = explained(scenario, T, unseen(scenario))

    (decision,) = explanation.decisions
    assert Verdict.SAME is explanation.verdict
    assert (Range(1, 3), Range(6_000, 10_000), -8_000) == held(decision.holdings[0])
    assert f"{ALICE} held 60.00 USD to 100.00 USD and was to give 80.00 USD." == decision.reasons[0]
    assert "With some of them it ends so again." in decision.reasons[1]


def test_a_clock_that_was_behind_is_reckoned_with(scenario: Scenario) -> None:
    """What another process has recorded a little later by its clock may have been seen all the same."""
    scenario.clock.advance(LONGER)
    scenario.post(transfer(NEXT, ALICE, CAROL, 40))
    scenario.clock.advance(-UNCERTAINTY / 2)
    scenario.post(transfer(T, ALICE, CAROL, 80))

    explanation = explained(scenario, T, unseen(scenario))

    assert Verdict.SAME is explanation.verdict
    assert (Range(1, 2), Range(6_000, 10_000), -8_000) == held(explanation.decisions[0].holdings[0])


def test_a_refusal_that_no_version_bears_out_is_a_difference(scenario: Scenario) -> None:
    """Where every version around it had enough, either the rules have changed or a clock was wrong: both is said."""
    scenario.post(transfer(T, ALICE, CAROL, 101))
    later = EditedPast(scenario, lambda record: _later(record)._replace(seen=()))
    scenario.clock.advance(LONGER)
    scenario.fund(ALICE, 50)

    explanation = explained(scenario, T, later)

    assert Verdict.DIFFERENT is explanation.verdict
    assert "none with which it would end so" in words(explanation)
    assert "clock" in words(explanation)


def _later(record: TransactionRecord) -> TransactionRecord:
    """Give a record as if it had been decided much later."""
    assert record.answer is not None
    at = record.recorded_at + 3 * LONGER
    return record._replace(recorded_at=at, changed_at=at, answer=record.answer._replace(finalized_at=at))


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_full_wallet_is_told_with_the_limit(scenario: Scenario, is_seen: bool) -> None:  # noqa: FBT001 - parametrized
    """The recipient's balance and the limit are named."""
    scenario.clock.advance(LONGER)
    scenario.post(transfer(T, ALICE, BOB, 1))

    explanation = explained(scenario, T, seen(scenario, {ALICE: 1, BOB: 1}) if is_seen else unseen(scenario))

    assert Verdict.SAME is explanation.verdict
    assert f"{BOB} held 10000000000000.00 USD and was to get 1.00 USD" in words(explanation)
    assert "10000000000000.00 USD at most" in words(explanation)


@pytest.mark.parametrize("is_seen", [True, False])
@pytest.mark.parametrize("opens_later", [True, False])
def test_a_wallet_that_did_not_come_in_time(
    scenario: Scenario,
    is_seen: bool,  # noqa: FBT001 - parametrized
    opens_later: bool,  # noqa: FBT001 - parametrized
) -> None:
    """It is told who had no wallet, and since when there is one."""
    scenario.clock.advance(LONGER)
    scenario.post(transfer(T, ALICE, STRANGER, 1), wait_is_over=True)
    scenario.clock.advance(timedelta(seconds=5))
    if opens_later:
        scenario.open(STRANGER)
        scenario.fund(STRANGER, 1)

    explanation = explained(scenario, T, seen(scenario, {ALICE: 1, STRANGER: None}) if is_seen else unseen(scenario))

    (decision,) = explanation.decisions
    assert Verdict.SAME is explanation.verdict
    assert "WALLET_RETRY_DELAYS_MS" in words(explanation)
    said = "opened at 2025-01-15T11:02:10.000Z" if opens_later else "has no wallet to this day"
    assert f"{STRANGER} {said}" in words(explanation).replace(f"The wallet of {STRANGER} was", STRANGER)
    assert None is decision.holdings[1].wallet_id or opens_later


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_suspended_wallet_is_told(scenario: Scenario, is_seen: bool) -> None:  # noqa: FBT001 - parametrized
    """It still waits for a person."""
    scenario.store.suspend(CAROL)
    scenario.post(transfer(T, ALICE, CAROL, 1))

    explanation = explained(scenario, T, seen(scenario, {ALICE: 1, CAROL: None}) if is_seen else unseen(scenario))

    assert Verdict.SAME is explanation.verdict
    assert "'wallet migrate'" in words(explanation)


@pytest.mark.parametrize(("wallet_id", "verdict"), [("5" * 24, Verdict.SAME), (None, Verdict.DIFFERENT)])
def test_a_wallet_of_v1_may_not_have_been_adopted_yet(
    scenario: Scenario, wallet_id: str | None, verdict: Verdict
) -> None:
    """A wallet with an id of v1's was suspended before a person mended it; one that we have opened never was."""
    scenario.store.suspend(STRANGER)
    scenario.post(transfer(T, ALICE, STRANGER, 1))
    ours = Wallet.open(STRANGER, "USD", scenario.clock.now())
    past = EditedPast(
        scenario,
        lambda record: record._replace(seen=()),
        other_wallets=[ours._replace(id=wallet_id or ours.id)],
    )

    assert verdict is explained(scenario, T, past).verdict


def test_a_late_signup_is_named(scenario: Scenario) -> None:
    """How long it took is told, and whose wallet was opened meanwhile."""
    completed = transfer(T, ALICE, STRANGER, 1).but(completedAt="2025-01-15T11:00:05Z")
    scenario.post(completed)
    scenario.clock.advance(timedelta(seconds=20))
    scenario.open(STRANGER)
    scenario.clock.advance(timedelta(seconds=1))
    scenario.post(completed)

    explanation = explained(scenario, T)

    assert Verdict.SAME is explanation.verdict
    assert "decided 21 s later, at 2025-01-15T11:00:26.000Z" in words(explanation)
    assert f"The wallet of {STRANGER} was opened in between, at 2025-01-15T11:00:25.000Z" in words(explanation)
    assert f"The wallet of {ALICE}" not in words(explanation)
