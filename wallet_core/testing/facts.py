"""What happens in the world, in plain numbers: somebody signs up, a transaction completes, a transaction fails.

A fact knows the message that tells of it (``event()``), and the model takes it as it is (``state_table.StateTable``).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from wallet_core.events import Vocabulary
from wallet_core.money import Currency
from wallet_core.testing.events import USD, Event, failed, signup, topup, topup_v1, transfer, transfer_v1


@dataclass(frozen=True, slots=True)
class SignedUp:
    """A user has signed up."""

    user_id: str

    def event(self, currency: Currency = USD) -> Event:  # noqa: ARG002 - it says nothing about money
        """Give the message of it."""
        return signup(self.user_id)


@dataclass(frozen=True, slots=True)
class Completed:
    """A transaction has completed; a top-up has no sender. ``amount_minor`` is in the currency of the deployment."""

    id: str
    sender_id: str | None
    recipient_id: str
    amount_minor: int
    vocabulary: Vocabulary = Vocabulary.DOCUMENTED

    def event(self, currency: Currency = USD) -> Event:
        """Give the message of it, for a deployment of this currency."""
        amount = Decimal(self.amount_minor).scaleb(-currency.exponent)
        is_v1 = self.vocabulary is Vocabulary.V1
        if self.sender_id is None:
            return (topup_v1 if is_v1 else topup)(self.id, self.recipient_id, amount)
        return (transfer_v1 if is_v1 else transfer)(self.id, self.sender_id, self.recipient_id, amount)

    @property
    def meaning(self) -> tuple[str | None, str, int]:
        """What makes it another transaction."""
        return self.sender_id, self.recipient_id, self.amount_minor

    @property
    def movements(self) -> dict[str, int]:
        """What it adds to each wallet, in minor units."""
        return ({} if self.sender_id is None else {self.sender_id: -self.amount_minor}) | {
            self.recipient_id: self.amount_minor
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """A transaction has failed; nothing else is said."""

    id: str

    def event(self, currency: Currency = USD) -> Event:  # noqa: ARG002 - it says nothing about money
        """Give the message of it."""
        return failed(self.id)


Fact = SignedUp | Completed | Failed
"""Whatever a neighbour may tell the wallet."""
