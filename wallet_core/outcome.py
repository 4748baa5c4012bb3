"""How a request ended: the rows of design rule 6 as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wallet_core.commands import DeadLetterReason


class OutcomeKind(StrEnum):
    """The rows of design rule 6, in its order (``opened`` is a signup's ``applied``)."""

    OPENED = "opened"
    APPLIED = "applied"
    REFUSED = "refused"
    REPEATED = "repeated"
    REVERSED = "reversed"
    VOID = "void"
    NOTHING = "nothing"
    UNKNOWN_WALLET = "unknown_wallet"
    REVERSAL_DUE = "reversal_due"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request ended. ``reason`` is for a person; ``dead_letter`` is set for ``SET_ASIDE`` alone."""

    kind: OutcomeKind
    reason: str | None = None
    dead_letter: DeadLetterReason | None = None


def set_aside(reason: DeadLetterReason, detail: str) -> Outcome:
    """Give the outcome of a message that goes to the dead letters."""
    return Outcome(OutcomeKind.SET_ASIDE, detail, reason)
