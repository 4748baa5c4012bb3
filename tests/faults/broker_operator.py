"""What an operator does at the broker, rightly or wrongly: policies, permissions, queues and bindings by hand.

All of it concerns one virtual host, and is undone at the latest when that is removed; what a ``with`` block changes is
undone at its end.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractChannel
from pamqp.common import FieldValue

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import FINALIZED_QUEUE, TRANSACTION_EXCHANGE
from tests.faults.scene import Scene
from wallet_core.messages import FINALIZED_KEY

ANYTHING = ".*"

CONSUMER_TIMEOUT_MS, CHANNEL_TICK_MS = 1_800_000, 60_000
"""How long the broker waits for an ack, and how often it looks: its defaults."""


class BrokerOperator:
    """Works at the broker of a scene, past its proxy."""

    def __init__(self, scene: Scene) -> None:
        """Open nothing yet."""
        self._rabbitmq = scene.servers.rabbitmq
        self._vhost = scene.vhost

    @asynccontextmanager
    async def policy(self, queue: str, **definition: object) -> AsyncIterator[None]:
        """Let a policy, such as ``max-length``, hold for one queue."""
        name = f"policy of {queue}"
        rule = json.dumps({key.replace("_", "-"): value for key, value in definition.items()})
        pattern = f"^{queue.replace('.', '[.]')}$"
        await self._ctl("set_policy", "-p", self._vhost, "--apply-to", "queues", name, pattern, rule)
        try:
            yield
        finally:
            await self._ctl("clear_policy", "-p", self._vhost, name)

    @asynccontextmanager
    async def permitting(self, *, write: str = ANYTHING, read: str = ANYTHING) -> AsyncIterator[None]:
        """Let everybody configure anything, but write to and read from only what these expressions match."""
        await self._ctl("set_permissions", "-p", self._vhost, "guest", ANYTHING, write, read)
        try:
            yield
        finally:
            await self._ctl("set_permissions", "-p", self._vhost, "guest", ANYTHING, ANYTHING, ANYTHING)

    @asynccontextmanager
    async def memory_alarm(self) -> AsyncIterator[None]:
        """Let the broker believe that its memory is full."""
        await self._ctl("set_vm_memory_high_watermark", "0.0000001")
        try:
            yield
        finally:
            await self._ctl("set_vm_memory_high_watermark", "absolute", "1GB")

    @asynccontextmanager
    async def consumer_timeout(self, timeout_ms: int) -> AsyncIterator[None]:
        """Let the broker close channels, opened from now on, on which a delivery stays unacked for so long."""
        await self._set_timeouts(timeout_ms, timeout_ms)
        try:
            yield
        finally:
            await self._set_timeouts(CONSUMER_TIMEOUT_MS, CHANNEL_TICK_MS)

    async def delete_queue(self, name: str) -> None:
        """Delete a queue with all that is in it."""
        async with self._channel() as channel:
            await channel.queue_delete(name)

    async def delete_exchange(self, name: str) -> None:
        """Delete an exchange with all its bindings."""
        async with self._channel() as channel:
            await channel.exchange_delete(name)

    async def unbind_answers(self) -> None:
        """Remove the binding by which answers find their queue."""
        async with self._channel() as channel:
            queue = await channel.get_queue(FINALIZED_QUEUE)
            await queue.unbind(TRANSACTION_EXCHANGE, FINALIZED_KEY)

    async def declare_queue(self, name: str, **arguments: FieldValue) -> None:
        """Declare a queue anew, with arguments of the operator's own (``x_`` for ``x-``)."""
        async with self._channel() as channel:
            await channel.queue_delete(name)
            given = {key.replace("_", "-"): value for key, value in arguments.items()}
            await channel.declare_queue(name, durable=True, arguments=given)

    async def declare_exchange(self, name: str, type_: str) -> None:
        """Declare an exchange anew, of another type; its bindings are gone."""
        async with self._channel() as channel:
            await channel.exchange_delete(name)
            await channel.declare_exchange(name, type_, durable=True)

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        async with connected(self._rabbitmq.url(self._vhost), "operator") as connection:
            channel = connection.channel()
            await channel.initialize(timeout=10)
            yield channel

    async def _set_timeouts(self, consumer_timeout_ms: int, channel_tick_ms: int) -> None:
        values = {"consumer_timeout": consumer_timeout_ms, "channel_tick_interval": channel_tick_ms}
        for key, value in values.items():
            await self._ctl("eval", f"application:set_env(rabbit, {key}, {value}).")

    async def _ctl(self, *arguments: str) -> None:
        await asyncio.to_thread(self._rabbitmq.ctl, *arguments)
