"""What becomes of a delivery: the one table from outcome to ack, retry or dead letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wallet_core.commands import DeadLetterReason
from wallet_core.outcome import Outcome, OutcomeKind

RETRY_DELAYS_MS = (1_000, 5_000, 15_000, 30_000)
"""How long an event waits for a late signup, try by try."""


@dataclass(frozen=True, slots=True)
class Ack:
    """Done with it: the broker may forget the delivery."""


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Put it into the retry queue of this delay; it comes back with one attempt more."""

    delay_ms: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Set it aside for a person, with the reason and what a person should know."""

    reason: DeadLetterReason
    detail: str


Settlement = Ack | RetryAfter | DeadLetter
"""What becomes of a delivery: exactly one of these."""


def settlement_of(outcome: Outcome, attempts: int, delays_ms: Sequence[int]) -> Settlement:
    """
    Decide what becomes of a delivery that has waited ``attempts`` times; there is at least one delay.

    An unknown wallet waits as long as it is the outcome (the last delay again and again): that the wait is over is
    decided before the posting, and shows as a refusal. A reversal that is due waits through all delays, once.
    """
    match outcome.kind:
        case OutcomeKind.UNKNOWN_WALLET:
            return RetryAfter(delays_ms[min(attempts, len(delays_ms) - 1)])
        case OutcomeKind.REVERSAL_DUE if attempts < len(delays_ms):
            return RetryAfter(delays_ms[attempts])
        case OutcomeKind.REVERSAL_DUE:
            return DeadLetter(DeadLetterReason.REVERSAL_SHORTFALL, outcome.reason or "")
        case OutcomeKind.SET_ASIDE:
            return DeadLetter(outcome.dead_letter or DeadLetterReason.ISOLATED_ERROR, outcome.reason or "")
        case _:
            return Ack()
