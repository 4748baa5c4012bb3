"""The exchanges, queues and bindings that we need, and how they come to be.

::

    auth.events         -- user.signup ----------------> wallet.user.q            in
    transaction.events  -- transaction.completed ------> wallet.update.q          in
                        -- transaction.failed ---------> wallet.revert.q          in
                        -- wallet.transactionFinalized -> transaction.finalized.q  out, read by the transactions service
    (default exchange)  --> wallet.retry.<source>.<ms>    ours: events wait here; ``waiting_room.py`` takes them back
                        --> wallet.dead-letter.q          ours: letters for a person

Rules: what exists is taken as it is, whatever its type and arguments; only what is missing is declared, and a queue
of the contract gets no arguments, for every v1 service asserts it without any and dies of a 406. Every question is
asked on a throw-away channel, because a "no" closes it. Bindings are made each time: making one twice changes
nothing.

Our own queues get a type and nothing else: no time to live, no dead-letter exchange. The broker would move a message
without any confirm, and lose it when it is killed in that very moment (docs/adr/0007). The type is said because a
virtual host may have another default: a quorum queue drops what was given back too often, and we give back often.

Not done here: a warning about an input queue that is a quorum queue with a delivery limit. AMQP does not tell:
policies and a server's default limit are invisible to it, and a probing declaration could create the wrong queue. It
belongs to the operator's check list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from pamqp.common import FieldValue

from adapters.rabbitmq.connection import answer_within, close_quietly
from adapters.rabbitmq.observer import Observer, SilentObserver
from adapters.rabbitmq.steps import BrokerStep
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

DECLARATIONS_MAX = 5
"""Tries of one look-and-declare: each lost race means that somebody else has just declared or deleted it."""

DECLARE_TIMEOUT_S = 10.0
"""Longest wait for one answer of the broker, seconds; the default election timeout of its cluster store is 5."""

OWN_QUEUE_ARGUMENTS: Mapping[str, FieldValue] = MappingProxyType({"x-queue-type": "classic"})
"""
What a queue of ours is declared with: the type that counts no deliveries. Where the default is classic, it is the same
queue as one without arguments.
"""

ExchangeType = Literal["direct", "topic"]


@dataclass(frozen=True, slots=True)
class InputQueue:
    """A queue that we consume: its name, its exchange, and what its messages are about (= routing key)."""

    name: str
    exchange: str
    subject: Subject


INPUT_QUEUES = (
    InputQueue("wallet.user.q", AUTH_EXCHANGE, Subject.SIGNUP),
    InputQueue("wallet.update.q", TRANSACTION_EXCHANGE, Subject.COMPLETED),
    InputQueue("wallet.revert.q", TRANSACTION_EXCHANGE, Subject.FAILED),
)
"""All that we consume (contract)."""


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
    """What a deployment decides about the topology. ``exchange_type`` is that of an exchange that is missing."""

    exchange_type: ExchangeType = "direct"
    retry_delays_ms: tuple[int, ...] = RETRY_DELAYS_MS

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
            for queue in INPUT_QUEUES:
                await _queue(desk, queue.name)
                await _bind(desk, queue.name, queue.exchange, queue.subject.value)
            await _queue(desk, FINALIZED_QUEUE)
            await _bind(desk, FINALIZED_QUEUE, TRANSACTION_EXCHANGE, FINALIZED_KEY)
            await self._own_queues(desk)
        finally:
            await desk.leave()

    async def _own_queues(self, desk: Desk) -> None:
        await _queue(desk, DEAD_LETTER_QUEUE, OWN_QUEUE_ARGUMENTS)
        for queue in self.retry_queues():
            await _queue(desk, queue.name, OWN_QUEUE_ARGUMENTS)

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


class TopologyUnsettled(ConnectionError):
    """Something was missing and could not be declared, again and again: somebody else declares and deletes it."""

    def __init__(self, what: str) -> None:
        """Keep what it is about."""
        super().__init__(
            f"{what} was missing and could not be declared {DECLARATIONS_MAX} times in a row: "
            "look for another service that keeps deleting it"
        )


class Desk:
    """Asks the broker; takes a new channel after each "no"."""

    def __init__(self, connection: AbstractConnection, observer: Observer | None = None) -> None:
        """Open nothing yet. ``observer`` hears of what is there."""
        self._connection = connection
        self._observer = observer or SilentObserver()
        self._channel: AbstractChannel | None = None

    async def channel(self) -> AbstractChannel:
        """Give a channel that is open."""
        if self._channel is None or self._channel.is_closed:
            channel = self._connection.channel(publisher_confirms=False, on_return_raises=False)
            await channel.initialize()
            self._channel = channel
        return self._channel

    async def ensure(
        self,
        what: str,
        look: Callable[[AbstractChannel], Awaitable[None]],
        make: Callable[[AbstractChannel], Awaitable[None]],
    ) -> None:
        """
        Look; if it is missing, make it; if somebody was faster with other arguments (406), look again.

        Raises TopologyUnsettled after DECLARATIONS_MAX tries, and what ``aio_pika`` raises.
        """
        for _ in range(DECLARATIONS_MAX):
            try:
                async with answer_within(DECLARE_TIMEOUT_S):
                    await look(await self.channel())
                return self.declared(what)
            except ChannelNotFoundEntity:
                self._channel = None
            try:
                async with answer_within(DECLARE_TIMEOUT_S):
                    await make(await self.channel())
                return self.declared(what)
            except ChannelPreconditionFailed:
                self._channel = None
        raise TopologyUnsettled(what)

    async def has_queue(self, name: str) -> bool:
        """Tell whether this queue is there. Raises what ``aio_pika`` raises."""
        try:
            async with answer_within(DECLARE_TIMEOUT_S):
                await (await self.channel()).declare_queue(name, passive=True)
        except ChannelNotFoundEntity:
            self._channel = None
            return False
        return True

    def declared(self, what: str) -> None:
        """Tell that this is there."""
        self._observer.reached(BrokerStep.TOPOLOGY_DECLARED, about=what)

    async def leave(self) -> None:
        """Close the channel that is open."""
        if self._channel is not None and not self._channel.is_closed:
            await close_quietly(self._channel.close, "topology channel")


async def _queue(desk: Desk, name: str, arguments: Mapping[str, FieldValue] | None = None) -> None:
    async def look(channel: AbstractChannel) -> None:
        await channel.declare_queue(name, passive=True)

    async def make(channel: AbstractChannel) -> None:
        await channel.declare_queue(
            name,
            durable=True,
            exclusive=False,
            auto_delete=False,
            arguments=None if arguments is None else dict(arguments),
        )

    await desk.ensure(f"queue {name}", look, make)


async def _bind(desk: Desk, queue: str, exchange: str, routing_key: str) -> None:
    async with answer_within(DECLARE_TIMEOUT_S):
        underlay = await (await desk.channel()).get_underlay_channel()
        await underlay.queue_bind(queue, exchange, routing_key)
    desk.declared(f"binding of {queue} to {exchange}")
