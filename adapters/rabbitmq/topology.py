"""The exchanges, queues and bindings that we need, and how they come to be.

::

    auth.events         -- user.signup ----------------> wallet.user.q            in
    transaction.events  -- transaction.completed ------> wallet.update.q          in
                        -- transaction.failed ---------> wallet.revert.q          in
                        -- wallet.transactionFinalized -> transaction.finalized.q  out, read by the transactions service
    (the operator's)    --> wallet.update.q.<n>           in, of partition n, beside the shared ones above
                        --> wallet.revert.q.<n>
    (default exchange)  --> wallet.retry.<source>.<ms>    ours: events wait here; ``waiting_room.py`` takes them back
                        --> wallet.dead-letter.q          ours: letters for a person

Rules: what exists is taken as it is, whatever its type and arguments; only what is missing is declared, and a queue
of the contract gets no arguments, for every v1 service asserts it without any and dies of a 406. Every question is
asked on a throw-away channel, because a "no" closes it. Bindings are made each time: making one twice changes
nothing.

Partitions (docs/scaling.md) carry first deliveries only: what has waited, or is replayed, comes back by the shared
queue, which every process consumes (docs/adr/0009). So no event waits where nobody looks, whatever becomes of a
partition.

Our own queues get a type and nothing else: no time to live, no dead-letter exchange. The broker would move a message
without any confirm, and lose it when it is killed in that very moment (docs/adr/0007). The type is said because a
virtual host may have another default: a quorum queue drops what was given back too often, and we give back often.

Not done here: a warning about an input queue that is a quorum queue with a delivery limit. AMQP does not tell:
policies and a server's default limit are invisible to it, and a probing declaration could create the wrong queue. It
belongs to the operator's check list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from aio_pika.abc import AbstractChannel, AbstractConnection
from pamqp.common import FieldValue

from adapters.rabbitmq.desk import Desk, bind, ensure_queue
from adapters.rabbitmq.observer import Observer
from wallet_core.messages import FINALIZED_KEY, Subject
from wallet_core.settlement import RETRY_DELAYS_MS

AUTH_EXCHANGE = "auth.events"
"""Exchange of the auth service (contract)."""

TRANSACTION_EXCHANGE = "transaction.events"
"""Exchange of the transactions service, and of our answers to it (contract)."""

FINALIZED_QUEUE = "transaction.finalized.q"
"""Queue of our answers (contract): declared by us too, so that none is dropped before its reader first starts."""

DEAD_LETTER_QUEUE = "wallet.dead-letter.q"
"""What waits for a person (contract)."""

OWN_QUEUE_ARGUMENTS: Mapping[str, FieldValue] = MappingProxyType({"x-queue-type": "classic"})
"""
What a queue of ours is declared with: the type that counts no deliveries. Where the default is classic, it is the same
queue as one without arguments.
"""

PARTITION_QUEUE_ARGUMENTS: Mapping[str, FieldValue] = MappingProxyType(
    {**OWN_QUEUE_ARGUMENTS, "x-single-active-consumer": True}
)
"""
What the queue of a partition is declared with when it is missing: one process works on it, the others stand by. Only
conflicts are saved by that; nothing relies on it.
"""

ExchangeType = Literal["direct", "topic"]


@dataclass(frozen=True, slots=True)
class InputQueue:
    """A queue that we consume: its name, its exchange, and what its messages are about (= routing key)."""

    name: str
    exchange: str
    subject: Subject

    def partition(self, number: int) -> InputQueue:
        """Give its queue of one partition. The way from the exchange to it is the operator's."""
        return InputQueue(f"{self.name}.{number}", self.exchange, self.subject)


INPUT_QUEUES = (
    InputQueue("wallet.user.q", AUTH_EXCHANGE, Subject.SIGNUP),
    InputQueue("wallet.update.q", TRANSACTION_EXCHANGE, Subject.COMPLETED),
    InputQueue("wallet.revert.q", TRANSACTION_EXCHANGE, Subject.FAILED),
)
"""What every process consumes (contract)."""

PARTITIONED = tuple(queue for queue in INPUT_QUEUES if queue.exchange == TRANSACTION_EXCHANGE)
"""Those that may have partitions. Not the signups: whether one is still on its way is asked of one queue."""

_PARTITION = re.compile(rf"({'|'.join(re.escape(queue.name) for queue in PARTITIONED)})\.[0-9]+")


def shared_queue(name: str) -> str:
    """Name the shared queue that a partition's queue belongs to; any other queue is its own."""
    found = _PARTITION.fullmatch(name)
    return found[1] if found else name


def retry_queue(source: str, delay_ms: int) -> str:
    """Name the queue in which a message of ``source`` waits ``delay_ms``. Another delay is another queue."""
    return f"wallet.retry.{source}.{delay_ms}"


@dataclass(frozen=True, slots=True)
class RetryQueue:
    """A queue in which messages of ``source`` wait ``delay_ms``."""

    source: str
    delay_ms: int

    @property
    def name(self) -> str:
        """Its name at the broker."""
        return retry_queue(self.source, self.delay_ms)


@dataclass(frozen=True, slots=True)
class Topology:
    """
    What a deployment decides about the topology. ``exchange_type`` is that of an exchange that is missing.

    ``partitions`` are the numbers of those that this process consumes beside the shared queues.
    """

    exchange_type: ExchangeType = "direct"
    retry_delays_ms: tuple[int, ...] = RETRY_DELAYS_MS
    partitions: tuple[int, ...] = ()

    def input_queues(self) -> tuple[InputQueue, ...]:
        """Give every queue that events come in by."""
        return (*INPUT_QUEUES, *self._partition_queues())

    async def declare(self, connection: AbstractConnection, observer: Observer | None = None) -> None:
        """
        Make sure that everything exists; ``observer`` hears of each exchange, queue and binding.

        Raises TopologyUnsettled when others keep changing it, and what ``aio_pika`` raises: connection lost, no
        permission (403), an exclusive queue of somebody else (405).
        """
        desk = Desk(connection, observer)
        try:
            for exchange in (AUTH_EXCHANGE, TRANSACTION_EXCHANGE):
                await self._exchange(desk, exchange)
            await self._input_queues(desk)
            await ensure_queue(desk, FINALIZED_QUEUE)
            await bind(desk, FINALIZED_QUEUE, TRANSACTION_EXCHANGE, FINALIZED_KEY)
            await self._own_queues(desk)
        finally:
            await desk.leave()

    async def _input_queues(self, desk: Desk) -> None:
        """
        Declare what is missing, and bind the shared queues; with partitions their bindings are the operator's.

        But only when every queue is there: on a new broker no event may go to nobody, so the shared queues are bound
        before the first queue of a partition is made, whenever one is missing.
        """
        partitions = self._partition_queues()
        is_operators = bool(partitions) and all([await desk.has_queue(queue.name) for queue in self.input_queues()])
        for queue in INPUT_QUEUES:
            await ensure_queue(desk, queue.name)
            if not (is_operators and queue in PARTITIONED):
                await bind(desk, queue.name, queue.exchange, queue.subject.value)
        for queue in partitions:
            await ensure_queue(desk, queue.name, PARTITION_QUEUE_ARGUMENTS)

    def _partition_queues(self) -> tuple[InputQueue, ...]:
        return tuple(queue.partition(number) for number in self.partitions for queue in PARTITIONED)

    async def _own_queues(self, desk: Desk) -> None:
        await ensure_queue(desk, DEAD_LETTER_QUEUE, OWN_QUEUE_ARGUMENTS)
        for queue in self.retry_queues():
            await ensure_queue(desk, queue.name, OWN_QUEUE_ARGUMENTS)

    def retry_queues(self) -> tuple[RetryQueue, ...]:
        """Give every queue in which events wait."""
        return tuple(
            RetryQueue(queue.name, delay_ms)
            for queue in INPUT_QUEUES
            for delay_ms in dict.fromkeys(self.retry_delays_ms)
        )

    async def held_queues(self, connection: AbstractConnection) -> tuple[RetryQueue, ...]:
        """
        Give the queues whose events we hold: ours, and those of the default delays that are there.

        What waits there would wait for ever after WALLET_RETRY_DELAYS_MS has been set for the first time. Raises what
        ``aio_pika`` raises.
        """
        ours = self.retry_queues()
        desk = Desk(connection)
        try:
            default = Topology(self.exchange_type).retry_queues()
            return (*ours, *[queue for queue in default if queue not in ours and await desk.has_queue(queue.name)])
        finally:
            await desk.leave()

    async def _exchange(self, desk: Desk, name: str) -> None:
        async def look(channel: AbstractChannel) -> None:
            await channel.declare_exchange(name, passive=True)

        async def make(channel: AbstractChannel) -> None:
            await channel.declare_exchange(
                name,
                self.exchange_type,
                durable=True,
                auto_delete=False,
                internal=False,
                arguments=None,
            )

        await desk.ensure(f"exchange {name}", look, make)
