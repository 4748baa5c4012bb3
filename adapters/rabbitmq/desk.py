"""Asks the broker for what must be there, and has it made: a question, then a declaration, each within a bound.

Every question is asked on a throw-away channel, because a "no" closes it. What exists is taken as it is. Which things,
and why, is in ``topology.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from pamqp.common import FieldValue

from adapters.rabbitmq.connection import answer_within, close_quietly
from adapters.rabbitmq.observer import Observer, SilentObserver
from adapters.rabbitmq.steps import BrokerStep

DECLARATIONS_MAX = 5
"""Tries of one look-and-declare: each lost race means that somebody else has just declared or deleted it."""

DECLARE_TIMEOUT_S = 10.0
"""Longest wait for one answer of the broker, seconds; the default election timeout of its cluster store is 5."""


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


async def ensure_queue(desk: Desk, name: str, arguments: Mapping[str, FieldValue] | None = None) -> None:
    """Make sure that a durable queue is there; ``arguments`` are those of one that is missing. Raises as ``ensure``."""

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


async def bind(desk: Desk, queue: str, exchange: str, routing_key: str) -> None:
    """Bind a queue; twice changes nothing. Raises what ``aio_pika`` raises."""
    async with answer_within(DECLARE_TIMEOUT_S):
        underlay = await (await desk.channel()).get_underlay_channel()
        await underlay.queue_bind(queue, exchange, routing_key)
    desk.declared(f"binding of {queue} to {exchange}")
