"""What a deployment decides about the rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wallet_core.events import Vocabulary
from wallet_core.money import Currency


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

    ``opening_balance_minor`` is posted to each new wallet when it is not 0.
    """

    currency: Currency
    opening_balance_minor: int = 0
    shortfall: Shortfall = Shortfall.WAIT
    wire: Wire = Wire.AUTO

    def answer_vocabulary(self, asked: Vocabulary) -> Vocabulary:
        """Choose the vocabulary of an answer to a question in ``asked``."""
        return asked if self.wire is Wire.AUTO else Vocabulary(self.wire.value)
