"""The wallet as a test holds it: the port of the service, and what the world around does to a wallet."""

from __future__ import annotations

from typing import Protocol

from tests.embedding.transactions_service.wallet import Wallet


class WalletUnderTest(Wallet, Protocol):
    """A wallet service of which a test may ask more. Answers are read in ``settle`` and ``answered`` only."""

    async def sign_up(self, user_id: str) -> None:
        """Let a user sign up at the auth service, and wait for the wallet."""
        ...

    async def settle(self) -> None:
        """Wait until the wallet has handled all that it was told, and all that it answers has been read."""
        ...

    async def answered(self, transaction_id: str, revision: int = 1) -> None:
        """Let time pass until an answer of this revision has been read: it may wait for a signup, or for money."""
        ...

    def answers(self, transaction_id: str) -> list[bytes]:
        """Give the bodies of all answers about a transaction that have been read, a copy as often as it came."""
        ...

    def deliver_twice(self) -> None:
        """Let the next event come to the wallet twice, the second time when the first has been answered."""
        ...

    def reorder(self, seed: int) -> None:
        """Hold back all events from now on, signups too, until ``release`` lets them come in another order."""
        ...

    async def release(self) -> None:
        """Let come what is held back, one by one, in an order that the seed has chosen; then settle."""
        ...
