"""The port ``Wallet`` over RabbitMQ and HTTP: what runs in production.

A lost connection ends the work with an error: the platform starts us again, and what was not acked comes again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal

import aio_pika
import httpx2
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage

from tests.embedding.transactions_service.answer import UnreadableAnswer
from tests.embedding.transactions_service.wallet import OnAnswer

EXCHANGE = "transaction.events"
ANSWER_KEY = "wallet.transactionFinalized"
ANSWER_QUEUE = "transaction.finalized.q"

BALANCE_PATH = "/api/v1/wallet/user"

TIMEOUT_S = 10.0
"""Longest wait for the broker or for the wallet, seconds."""

TokenOf = Callable[[str], str]
"""Gives the session token of a user; in production the one that came with the user's request."""

_log = logging.getLogger(__name__)


class RemoteWallet:
    """The wallet service at the other end of a broker and of HTTP. Made by ``connected_wallet``."""

    def __init__(
        self, channel: AbstractChannel, exchange: AbstractExchange, http: httpx2.AsyncClient, token_of: TokenOf
    ) -> None:
        """Take what ``connected_wallet`` has opened."""
        self._channel = channel
        self._exchange = exchange
        self._http = http
        self._token_of = token_of

    async def publish(self, routing_key: str, message: Mapping[str, object]) -> None:
        """Publish, and return once the broker has it. Raises what aio-pika raises; then publish again."""
        persistent = aio_pika.Message(
            json.dumps(message).encode(),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._exchange.publish(persistent, routing_key, timeout=TIMEOUT_S)

    async def subscribe(self, on_answer: OnAnswer) -> None:
        """Consume the queue of answers; each is acked when ``on_answer`` has returned, and then comes the next."""

        async def take(message: AbstractIncomingMessage) -> None:
            try:
                await on_answer(message.body)
            except UnreadableAnswer:
                _log.exception("put aside, since it would come again for ever")
                await message.reject(requeue=False)
            else:
                await message.ack()

        await self._channel.set_qos(prefetch_count=1, timeout=TIMEOUT_S)
        queue = await self._channel.declare_queue(ANSWER_QUEUE, durable=True, timeout=TIMEOUT_S)
        await queue.bind(self._exchange, ANSWER_KEY, timeout=TIMEOUT_S)
        await queue.consume(take, timeout=TIMEOUT_S)

    async def balance_cents(self, user_id: str) -> int | None:
        """Ask as the user. Raises httpx2.HTTPError."""
        headers = {"authorization": f"Bearer {self._token_of(user_id)}"}
        response = await self._http.get(BALANCE_PATH, headers=headers)
        if response.status_code == httpx2.codes.NOT_FOUND:
            return None
        response.raise_for_status()
        balance: Decimal = json.loads(response.text, parse_float=Decimal)["balance"]
        return int(balance * 100)


@asynccontextmanager
async def connected_wallet(rabbitmq_url: str, wallet_url: str, token_of: TokenOf) -> AsyncIterator[RemoteWallet]:
    """Connect to the broker and to the wallet service."""
    async with (
        await aio_pika.connect(rabbitmq_url, timeout=TIMEOUT_S) as connection,
        connection.channel(on_return_raises=True) as channel,
        httpx2.AsyncClient(base_url=wallet_url, timeout=TIMEOUT_S) as http,
    ):
        exchange = await channel.declare_exchange(EXCHANGE, "direct", durable=True, timeout=TIMEOUT_S)
        yield RemoteWallet(channel, exchange, http, token_of)
