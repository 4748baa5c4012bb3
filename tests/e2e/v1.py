"""v1 as it is run today, played: its wallet service and its transactions service, without any idempotency.

``V1Wallet`` applies, then answers, then acks, and keeps nothing but balances. It can be made to die between any two of
these steps. ``V1Transactions`` keeps ``mint_txns``: it publishes what has completed and failed, and writes down the
answers that it reads. Both assert the exchanges as ``direct`` and the queues without arguments, as v1's services do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from bson import ObjectId
from pymongo.collection import Collection

from tests.e2e.books import Document
from tests.neighbour import eventually
from tests.oracle import V1Reader

QUEUES = {
    "wallet.user.q": ("auth.events", "user.signup"),
    "wallet.update.q": ("transaction.events", "transaction.completed"),
    "wallet.revert.q": ("transaction.events", "transaction.failed"),
    "transaction.finalized.q": ("transaction.events", "wallet.transactionFinalized"),
    "transaction.created.q": ("transaction.events", "transaction.created"),
}
"""Every queue of v1, with its exchange and routing key (contract)."""

IN_FLIGHT_MAX = 2
"""Deliveries that this v1's wallet has in hand at once."""


class Step(Enum):
    """Where v1's wallet can die in the middle of a transaction."""

    APPLIED = "applied"
    ANSWERED = "answered"


class V1Service:
    """What both have: a connection, the topology as they assert it, and a way to publish."""

    def __init__(self, url: str) -> None:
        """Connect to nothing yet."""
        self._url = url
        self._connection: AbstractConnection | None = None
        self._exchanges: dict[str, aio_pika.abc.AbstractExchange] = {}

    async def __aenter__(self) -> Self:
        """Start."""
        self._connection = await aio_pika.connect(self._url)
        channel = await self._connection.channel()
        for name in ("auth.events", "transaction.events"):
            self._exchanges[name] = await channel.declare_exchange(name, "direct", durable=True)
        for name, (exchange, routing_key) in QUEUES.items():
            queue = await channel.declare_queue(name, durable=True)
            await queue.bind(exchange, routing_key)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Be gone: whatever was not acked goes back into its queue."""
        if self._connection is not None:
            await self._connection.close()

    async def publish(self, routing_key: str, message: dict[str, object]) -> None:
        """Send a persistent message, confirmed."""
        exchange = "auth.events" if routing_key == "user.signup" else "transaction.events"
        body = aio_pika.Message(json.dumps(message).encode(), delivery_mode=2)
        await self._exchanges[exchange].publish(body, routing_key)

    async def consume(
        self, queue: str, handle: Callable[[AbstractIncomingMessage], Awaitable[None]]
    ) -> AbstractChannel:
        """Consume a queue on a channel of its own, and give that; it ends with the channel."""
        if self._connection is None:
            raise RuntimeError("not started")
        channel = await self._connection.channel()
        await channel.set_qos(IN_FLIGHT_MAX)
        await (await channel.get_queue(queue)).consume(handle)
        return channel


class V1Wallet(V1Service):
    """v1's wallet service on its collection ``wallets``."""

    def __init__(self, url: str, wallets: Collection[Document]) -> None:
        """Take the collection."""
        super().__init__(url)
        self._wallets = wallets
        self.dies_at: dict[str, Step] = {}
        self.dead_about: set[str] = set()

    async def __aenter__(self) -> Self:
        """Start, and consume."""
        await super().__aenter__()
        self._wallets.create_index("userId", unique=True)
        await self.consume("wallet.user.q", self._open)
        await self.consume("wallet.update.q", self._complete)
        await self.consume("wallet.revert.q", self._fail)
        return self

    def balance(self, user_id: str) -> float:
        """Give a balance in dollars."""
        wallet = self._wallets.find_one({"userId": ObjectId(user_id)})
        if wallet is None:
            raise LookupError(user_id)
        return float(str(wallet["balance"]))

    async def _open(self, message: AbstractIncomingMessage) -> None:
        now = datetime.now(UTC)
        user_id = ObjectId(json.loads(message.body)["id"])
        self._wallets.insert_one({"userId": user_id, "balance": 0, "createdAt": now, "updatedAt": now, "__v": 0})
        await message.ack()

    async def _complete(self, message: AbstractIncomingMessage) -> None:
        event = json.loads(message.body)
        reason = self._apply(event)
        await self._perhaps_die(event, Step.APPLIED)
        answer = {"status": "Completed"} if reason is None else {"status": "Failed", "reason": reason}
        await self.publish("wallet.transactionFinalized", {"transactionId": event["transactionId"], **answer})
        await self._perhaps_die(event, Step.ANSWERED)
        await message.ack()

    async def _fail(self, message: AbstractIncomingMessage) -> None:
        """Know nothing of what was applied, so take nothing back."""
        await message.ack()

    def _apply(self, event: dict[str, object]) -> str | None:
        """Move the money, wallet by wallet; give the reason where there is not enough of it."""
        amount = float(str(event["amount"]))
        if event["type"] == "TopUp":
            self._add(str(event["userId"]), amount)
            return None
        if self.balance(str(event["fromUserId"])) < amount:
            return "Insufficient balance"
        self._add(str(event["fromUserId"]), -amount)
        self._add(str(event["toUserId"]), amount)
        return None

    def _add(self, user_id: str, amount: float) -> None:
        change = {"$inc": {"balance": amount}, "$set": {"updatedAt": datetime.now(UTC)}}
        self._wallets.update_one({"userId": ObjectId(user_id)}, change)

    async def _perhaps_die(self, event: dict[str, object], step: Step) -> None:
        id_ = str(event["transactionId"])
        if self.dies_at.get(id_) is step:
            self.dead_about.add(id_)
            await asyncio.Event().wait()  # until the connection is closed: it does nothing any more

    async def wait_dead(self) -> None:
        """Wait until it hangs in every transaction that it is to die in."""

        async def is_dead() -> bool:
            return self.dead_about == self.dies_at.keys()

        await eventually(is_dead, "v1 has died")


class V1Transactions(V1Service):
    """v1's transactions service on its collection ``transactions``."""

    def __init__(self, url: str, transactions: Collection[Document]) -> None:
        """Take the collection."""
        super().__init__(url)
        self._transactions = transactions
        self._reader = V1Reader()
        self._reading: AbstractChannel | None = None

    async def read_answers(self) -> None:
        """Read what the wallet answers, from now on."""
        self._reading = await self.consume("transaction.finalized.q", self._finalize)

    async def pause_reading(self) -> None:
        """Leave the answers where they are, until they are read again."""
        if self._reading is not None:
            await self._reading.close()

    async def signup(self, user_id: str) -> None:
        """Say that a user has signed up, as the auth service does."""
        await self.publish("user.signup", {"id": user_id, "firstName": "Ada", "email": "ada@example.com"})

    async def topup(self, user_id: str, amount: int) -> str:
        """Create and complete a top-up; give its id."""
        return await self.complete(self.create("TopUp", amount, userId=user_id))

    async def transfer(self, sender_id: str, recipient_id: str, amount: int) -> str:
        """Create and complete a transfer; give its id."""
        return await self.complete(self.create("Transfer", amount, fromUserId=sender_id, toUserId=recipient_id))

    def create(self, kind: str, amount: int, **parties: str) -> str:
        """Create a transaction and do nothing about it yet; give its id."""
        ids = {name: ObjectId(user_id) for name, user_id in parties.items()}
        transaction: Document = {"type": kind, "amount": amount, "status": "Pending", **ids, "__v": 0}
        return str(self._transactions.insert_one(transaction).inserted_id)

    async def complete(self, id_: str) -> str:
        """Tell the wallet that a transaction has completed; give its id."""
        query = {"_id": ObjectId(id_)}
        self._transactions.update_one(query, {"$set": {"status": "Processing"}})
        transaction = self._transactions.find_one(query) or {}
        fields = ("type", "userId", "fromUserId", "toUserId", "amount")
        told = {name: transaction[name] for name in fields if name in transaction}
        ids = {name: str(value) for name, value in told.items() if isinstance(value, ObjectId)}
        await self.publish("transaction.completed", {"transactionId": id_, **told, **ids})
        return id_

    async def fail(self, id_: str) -> None:
        """Tell the wallet that a transaction has failed, as v1 does: without its users and its amount."""
        kind = (self._transactions.find_one({"_id": ObjectId(id_)}) or {})["type"]
        await self.publish("transaction.failed", {"transactionId": id_, "type": kind, "reason": "Charged back"})

    def status(self, id_: str) -> object:
        """Give the status of a transaction."""
        return (self._transactions.find_one({"_id": ObjectId(id_)}) or {}).get("status")

    async def wait_status(self, status: str, *ids: str) -> None:
        """Wait until all of these have a status."""

        async def have() -> bool:
            return {self.status(id_) for id_ in ids} == {status}

        await eventually(have, f"{ids} are {status}")

    async def _finalize(self, message: AbstractIncomingMessage) -> None:
        answer = self._reader.read(message.body)
        status = {"status": "Completed" if answer.is_completed else "Failed"}
        reason = {} if answer.reason is None else {"reason": answer.reason}
        self._transactions.update_one({"_id": ObjectId(answer.transaction_id)}, {"$set": {**status, **reason}})
        await message.ack()
