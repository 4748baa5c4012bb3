"""What becomes of a delivery: dead letters, retries, and the wait for what may still come."""

from __future__ import annotations

import pytest

from wallet_core import (
    Ack,
    DeadLetter,
    DeadLetterReason,
    Outcome,
    OutcomeKind,
    RetryAfter,
    Settlement,
    settlement_of,
)
from wallet_core.settlement import RETRY_DELAYS_MS

DONE = [
    OutcomeKind.OPENED,
    OutcomeKind.APPLIED,
    OutcomeKind.REFUSED,
    OutcomeKind.REPEATED,
    OutcomeKind.REVERSED,
    OutcomeKind.VOID,
    OutcomeKind.NOTHING,
]


@pytest.mark.parametrize("attempts", [0, 1, 4, 100])
@pytest.mark.parametrize("kind", DONE)
def test_what_is_decided_is_acknowledged(kind: OutcomeKind, attempts: int) -> None:
    """Whatever has ended, well or not, the broker may forget, however long it took."""
    assert Ack() == settlement_of(Outcome(kind, "why"), attempts, RETRY_DELAYS_MS)


@pytest.mark.parametrize(
    ("attempts", "delay_ms"),
    [(0, 1_000), (1, 5_000), (2, 15_000), (3, 30_000), (4, 30_000), (5, 30_000), (1_000, 30_000)],
)
def test_unknown_wallet_waits_through_the_delays(attempts: int, delay_ms: int) -> None:
    """An unknown wallet waits 1, 5, 15 and 30 seconds, then the last delay again as long as it is not refused."""
    assert RetryAfter(delay_ms) == settlement_of(Outcome(OutcomeKind.UNKNOWN_WALLET), attempts, RETRY_DELAYS_MS)


@pytest.mark.parametrize(
    ("attempts", "settlement"),
    [
        (0, RetryAfter(1_000)),
        (1, RetryAfter(5_000)),
        (2, RetryAfter(15_000)),
        (3, RetryAfter(30_000)),
        (4, DeadLetter(DeadLetterReason.REVERSAL_SHORTFALL, "why")),
        (5, DeadLetter(DeadLetterReason.REVERSAL_SHORTFALL, "why")),
    ],
)
def test_due_reversal_is_tried_through_the_delays_once(attempts: int, settlement: Settlement) -> None:
    """A due reversal is tried again with the same delays, then set aside once."""
    assert settlement == settlement_of(Outcome(OutcomeKind.REVERSAL_DUE, "why"), attempts, RETRY_DELAYS_MS)


@pytest.mark.parametrize("attempts", [0, 4, 100])
@pytest.mark.parametrize("reason", list(DeadLetterReason))
def test_what_is_set_aside_goes_to_the_dead_letters(reason: DeadLetterReason, attempts: int) -> None:
    """What nobody can judge goes to the dead letters at once, with its reason and what a person should know."""
    outcome = Outcome(OutcomeKind.SET_ASIDE, "why", reason)

    assert DeadLetter(reason, "why") == settlement_of(outcome, attempts, RETRY_DELAYS_MS)


def test_every_outcome_is_in_the_table() -> None:
    """No outcome is forgotten by the tests above."""
    others = {OutcomeKind.UNKNOWN_WALLET, OutcomeKind.REVERSAL_DUE, OutcomeKind.SET_ASIDE}

    assert {*DONE, *others} == set(OutcomeKind)


def test_dead_letter_reasons_are_those_of_the_rules() -> None:
    """The reasons are the names that operators know."""
    assert {
        "no_usable_id",
        "too_large",
        "unsupported_version",
        "key_reused",
        "unanswerable_id",
        "isolated_error",
        "reversal_shortfall",
        "legacy_transaction",
    } == set(DeadLetterReason)


def test_delays_may_be_set() -> None:
    """Other delays are taken as they come."""
    unknown, due = Outcome(OutcomeKind.UNKNOWN_WALLET), Outcome(OutcomeKind.REVERSAL_DUE, "why")

    assert [RetryAfter(7), RetryAfter(7)] == [settlement_of(unknown, attempts, (7,)) for attempts in (0, 1)]
    assert [RetryAfter(7), DeadLetter(DeadLetterReason.REVERSAL_SHORTFALL, "why")] == [
        settlement_of(due, attempts, (7,)) for attempts in (0, 1)
    ]
