"""How a request ended: the rows of the table in docs/events.md as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wallet_core.commands import DeadLetterReason


class OutcomeKind(StrEnum):
    """How an event may end: in exactly one of these ways."""

    OPENED = "opened"
    """A user's wallet is open."""
    APPLIED = "applied"
    """The money has moved."""
    REFUSED = "refused"
    """It breaks a rule: nothing has moved, and its answer says why."""
    REPEATED = "repeated"
    """It is known already: its recorded answer goes out again."""
    REVERSED = "reversed"
    """What the transaction had moved has gone back."""
    VOID = "void"
    """The transaction failed before it completed, and may not complete any more."""
    NOTHING = "nothing"
    """There is nothing to do, and nobody to answer."""
    UNKNOWN_WALLET = "unknown_wallet"
    """Somebody has no wallet yet: it waits for a late signup."""
    REVERSAL_DUE = "reversal_due"
    """What must go back is not there, or does not fit: it waits."""
    SET_ASIDE = "set_aside"
    """It cannot be judged: a person must look at it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request ended. ``reason`` is for a person; ``dead_letter`` is set for ``SET_ASIDE`` alone."""

    kind: OutcomeKind
    reason: str | None = None
    dead_letter: DeadLetterReason | None = None


def set_aside(reason: DeadLetterReason, detail: str) -> Outcome:
    """Give the outcome of a message that goes to the dead letters."""
    return Outcome(OutcomeKind.SET_ASIDE, detail, reason)
