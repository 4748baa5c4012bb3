"""The port: what the transactions service needs of the wallet service, in words of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

OnAnswer = Callable[[bytes], Awaitable[None]]
"""Takes the body of one answer. An answer counts as read when it returns: until then it may come again."""


class Wallet(Protocol):
    """The wallet service, wherever it runs."""

    async def publish(self, routing_key: str, message: Mapping[str, object]) -> None:
        """Tell the wallet. When this returns the message cannot get lost, but it may come to the wallet twice."""
        ...

    async def subscribe(self, on_answer: OnAnswer) -> None:
        """Let ``on_answer`` take every answer from now on, one after the other."""
        ...

    async def balance_cents(self, user_id: str) -> int | None:
        """Give what a user has; None without a wallet."""
        ...
