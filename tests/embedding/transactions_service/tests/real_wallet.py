"""A running wallet service: RabbitMQ, MongoDB and ``wallet run``, through the ``RemoteWallet`` that production uses.

``settle`` knows by a probe that the wallet is done: a top-up of nobody's that completes, fails and completes again. The
wallet handles each queue in order, so the first two answers say that all before them in their queues has been handled,
and the third that all answers to it have been published. (What waits for a signup or for money is not waited for.)
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import aio_pika
from aio_pika.abc import AbstractExchange

from tests.embedding.transactions_service.answer import read_answer
from tests.embedding.transactions_service.messages import COMPLETED_KEY, FAILED_KEY
from tests.embedding.transactions_service.remote_wallet import RemoteWallet, connected_wallet
from tests.embedding.transactions_service.wallet import OnAnswer

SIGNUP_EXCHANGE = "auth.events"
SIGNUP_KEY = "user.signup"

WAIT_S = 30.0
"""Longest wait for the wallet to do something, seconds: several times the sum of its retry delays."""

POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class WalletAddress:
    """Where a wallet service runs; ``token_of`` gives the session token of a user."""

    rabbitmq_url: str
    http_url: str
    token_of: Callable[[str], str]


class RealWallet:
    """``WalletUnderTest`` on a running service. Made by ``real_wallet_at``."""

    def __init__(self, remote: RemoteWallet, auth_events: AbstractExchange) -> None:
        """Take the connected ends: ours, and that of the auth service."""
        self._remote = remote
        self._auth_events = auth_events
        self._probe_user = secrets.token_hex(12)
        self._bodies: list[bytes] = []
        self._reading = asyncio.Event()
        self._has_read = asyncio.Condition()
        self._copies = 1
        self._order: random.Random | None = None
        self._held: list[tuple[str, Mapping[str, object]]] = []

    async def publish(self, routing_key: str, message: Mapping[str, object]) -> None:
        """Publish an event, or hold it back; twice if asked to."""
        copies, self._copies = self._copies, 1
        for copy in range(copies):
            if copy:
                await self.settle()
            await self._publish_once(routing_key, message)

    async def subscribe(self, on_answer: OnAnswer) -> None:
        """Consume the answers: each waits unacked until a test lets it be read."""

        async def read(body: bytes) -> None:
            await self._reading.wait()
            await on_answer(body)
            async with self._has_read:
                self._bodies.append(body)
                self._has_read.notify_all()

        await self._remote.subscribe(read)
        await self._open_wallet(self._probe_user)

    async def balance_cents(self, user_id: str) -> int | None:
        """Ask over HTTP."""
        return await self._remote.balance_cents(user_id)

    async def sign_up(self, user_id: str) -> None:
        """Publish as the auth service does."""
        await self.publish(SIGNUP_KEY, {"userId": user_id})

    async def settle(self) -> None:
        """Send the probe three times, and wait for each answer."""
        id_ = secrets.token_hex(12)
        probe = {"transactionId": id_, "type": "topup", "userId": self._probe_user, "amount": 0.01}
        for count, routing_key in enumerate((COMPLETED_KEY, FAILED_KEY, COMPLETED_KEY), start=1):
            await self._remote.publish(routing_key, probe)
            await self._read_until(partial(self._has_answers, id_, count))

    async def answered(self, transaction_id: str, revision: int = 1) -> None:
        """Wait for the answer."""
        await self._read_until(
            lambda: revision in [read_answer(body).revision for body in self.answers(transaction_id)]
        )

    def answers(self, transaction_id: str) -> list[bytes]:
        """Give what has been read about a transaction."""
        return [body for body in self._bodies if read_answer(body).transaction_id == transaction_id]

    def deliver_twice(self) -> None:
        """Publish the next event again, as a producer does that has missed the confirmation."""
        self._copies = 2

    def reorder(self, seed: int) -> None:
        """Hold back what is published."""
        self._order = random.Random(seed)  # noqa: S311 - it must be repeatable, not secret

    async def release(self) -> None:
        """Publish it in another order, each when the one before has been handled: two queues keep no order."""
        order, held = self._order, self._held
        self._order, self._held = None, []
        if order is not None:
            order.shuffle(held)
        for routing_key, message in held:
            await self.publish(routing_key, message)
            await self.settle()

    async def _publish_once(self, routing_key: str, message: Mapping[str, object]) -> None:
        if self._order is not None:
            self._held.append((routing_key, message))
        elif routing_key == SIGNUP_KEY:
            await self._open_wallet(str(message["userId"]))
        else:
            await self._remote.publish(routing_key, message)

    async def _open_wallet(self, user_id: str) -> None:
        signup = aio_pika.Message(json.dumps({"userId": user_id}).encode())
        await self._auth_events.publish(signup, SIGNUP_KEY, timeout=WAIT_S)
        async with asyncio.timeout(WAIT_S):
            while True:
                if await self.balance_cents(user_id) is not None:
                    return
                await asyncio.sleep(POLL_S)

    def _has_answers(self, transaction_id: str, count: int) -> bool:
        return len(self.answers(transaction_id)) >= count

    async def _read_until(self, has_come: Callable[[], bool]) -> None:
        self._reading.set()
        async with asyncio.timeout(WAIT_S), self._has_read:
            await self._has_read.wait_for(has_come)
        self._reading.clear()


@asynccontextmanager
async def real_wallet_at(address: WalletAddress) -> AsyncIterator[RealWallet]:
    """Connect to a running wallet service, as this service and as the auth service."""
    async with (
        connected_wallet(address.rabbitmq_url, address.http_url, address.token_of) as remote,
        await aio_pika.connect(address.rabbitmq_url, timeout=WAIT_S) as auth_service,
        auth_service.channel(on_return_raises=True) as channel,
    ):
        auth_events = await channel.declare_exchange(SIGNUP_EXCHANGE, "direct", durable=True, timeout=WAIT_S)
        yield RealWallet(remote, auth_events)
