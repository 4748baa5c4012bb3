"""The wallet in memory: all that it takes to test this service with the real rules of the wallet."""

from __future__ import annotations

from collections.abc import Mapping

from tests.embedding.transactions_service.answer import read_answer
from tests.embedding.transactions_service.wallet import OnAnswer
from wallet_core.testing import InMemoryWalletService, UnknownWallet, WalletClock


class InMemoryWallet:
    """``WalletUnderTest`` on ``InMemoryWalletService``: its events go in as raw messages, its answers come as bytes."""

    def __init__(self, service: InMemoryWalletService, clock: WalletClock) -> None:
        """Take the fixtures ``wallet_service`` and ``wallet_clock``."""
        self._service = service
        self._clock = clock
        self._on_answer: OnAnswer | None = None
        self._read = 0

    async def publish(self, routing_key: str, message: Mapping[str, object]) -> None:
        """Deliver it at once; the answer waits until it is read."""
        await self._service.deliver(routing_key, message)

    async def subscribe(self, on_answer: OnAnswer) -> None:
        """Keep who reads."""
        self._on_answer = on_answer

    async def balance_cents(self, user_id: str) -> int | None:
        """Look into the books."""
        try:
            return self._service.balance(user_id).amount_minor
        except UnknownWallet:
            return None

    async def sign_up(self, user_id: str) -> None:
        """Open the wallet, unless signups are held back."""
        await self._service.signup(user_id)

    async def settle(self) -> None:
        """Read the answers; all events have been handled."""
        unread = self._service.published[self._read :]
        self._read += len(unread)
        for answer in unread:
            if self._on_answer is not None:
                await self._on_answer(answer.body)

    async def answered(self, transaction_id: str, revision: int = 1) -> None:
        """Move the clock from one retry to the next until the answer is there."""
        await self.settle()
        while revision not in {read_answer(body).revision for body in self.answers(transaction_id)}:
            assert self._service.waiting, f"no answer {revision} about {transaction_id} to come: {self._service}"
            self._clock.advance(self._service.waiting[0].due_at - self._clock.now())
            await self.settle()

    def answers(self, transaction_id: str) -> list[bytes]:
        """Give what has been read about a transaction."""
        read = self._service.published[: self._read]
        return [answer.body for answer in read if answer.answer.transaction_id == transaction_id]

    def deliver_twice(self) -> None:
        """Ask the wallet for it."""
        self._service.deliver_twice()

    def reorder(self, seed: int) -> None:
        """Ask the wallet for it."""
        self._service.reorder(seed)

    async def release(self) -> None:
        """Let the wallet handle them, and read its answers."""
        await self._service.release()
        await self.settle()
