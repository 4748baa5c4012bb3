"""What a deployment decides about the rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wallet_core.events import Vocabulary
from wallet_core.money import AMOUNT_MINOR_MAX, Currency


class Shortfall(StrEnum):
    """What a reversal does when the recipient has spent the money: wait for it, or take the balance below zero."""

    WAIT = "wait"
    OVERDRAW = "overdraw"


class Wire(StrEnum):
    """Which vocabulary answers are in: that of the question, or always one."""

    AUTO = "auto"
    DOCUMENTED = "documented"
    V1 = "v1"


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What a deployment decides: the one ``currency`` of all its wallets, and the rest.

    ``opening_balance_minor`` is posted to each new wallet when it is not 0. Raises ValueError for one below 0 or above
    ``AMOUNT_MINOR_MAX``; TypeError for one that is no int, and for a ``shortfall`` or ``wire`` that is only its text.
    """

    currency: Currency
    opening_balance_minor: int = 0
    shortfall: Shortfall = Shortfall.WAIT
    wire: Wire = Wire.AUTO

    def __post_init__(self) -> None:
        """Check the values, so that no rule is decided by a wrong one. Raises TypeError and ValueError."""
        opening: object = self.opening_balance_minor
        if isinstance(opening, bool) or not isinstance(opening, int):
            raise TypeError(f"{opening!r} is no opening balance: use an int of minor units, 1250 for 12.50 dollars")
        if not 0 <= opening <= AMOUNT_MINOR_MAX:
            raise ValueError(f"{opening} is no opening balance: use 0 to {AMOUNT_MINOR_MAX} minor units")
        for value, choices in ((self.shortfall, Shortfall), (self.wire, Wire)):
            if not isinstance(value, choices):
                names = ", ".join(f"{choices.__name__}.{choice.name}" for choice in choices)
                raise TypeError(f"{value!r} is no {choices.__name__}: use one of {names}")

    def answer_vocabulary(self, asked: Vocabulary) -> Vocabulary:
        """Choose the vocabulary of an answer to a question in ``asked``."""
        return asked if self.wire is Wire.AUTO else Vocabulary(self.wire.value)
