"""The connection that we publish through, and the answers that go out on it (port ``EventBus``).

A connection apart from the consumer's: when memory or disk run short the broker stops reading from whoever publishes,
and our acks must still get through. Answers and parked messages share it, each with a channel of its own.

::

    PublishingConnection.run()      keeps it up; declares the topology first, so that an exchange to publish to is there
    AnswerPublisher.publish_many()  answers -> transaction.events, each confirmed or False

While the broker is away every publish ends at once with False; nothing is queued in this process: the outbox is the
queue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog
from aio_pika.abc import AbstractConnection
from pamqp.commands import Basic
from structlog.typing import FilteringBoundLogger

from adapters.rabbitmq.codec import PERSISTENT
from adapters.rabbitmq.confirms import ConfirmedChannel, Publication
from adapters.rabbitmq.connection import (
    ConnectionStatus,
    SessionLost,
    keep_connected,
    wait_lost,
)
from adapters.rabbitmq.observer import Observer, SilentObserver
from adapters.rabbitmq.steps import BrokerStep
from adapters.rabbitmq.topology import TRANSACTION_EXCHANGE, Topology
from adapters.rabbitmq.wave import Outgoing
from wallet_core.body import answer_body
from wallet_core.events import TransactionFinalized
from wallet_core.messages import FINALIZED_KEY, message_id_of

REPAIR_INTERVAL_S = 5.0
"""Least time between two repairs of the topology, seconds: the broker is not asked forty times a second."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class PublishingConnection:
    """One connection for all that this process publishes. ``run`` must run beside its users."""

    def __init__(self, url: str, topology: Topology, observer: Observer | None = None) -> None:
        """Open nothing yet. ``url`` may hold a password and is never logged."""
        self._url = url
        self._topology = topology
        self._observer = observer or SilentObserver()
        self._connection: AbstractConnection | None = None
        self._status = ConnectionStatus(connected=False, reason="not started")
        self._up = asyncio.Event()
        self._needs_repair = asyncio.Event()
        self._is_silent = asyncio.Event()

    @property
    def status(self) -> ConnectionStatus:
        """Whether the connection is up, for readiness."""
        return self._status

    async def run(self) -> None:
        """Keep the connection up until this is cancelled."""
        try:
            await keep_connected(self._url, "publisher", self._serve, self._observer, self._on_away)
        finally:
            self._on_away("stopped")

    async def wait_connected(self, timeout_s: float) -> bool:
        """Wait until the connection is up, at most so long; tell whether it is."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        except TimeoutError:
            return False
        return True

    def channel(self) -> ConfirmedChannel:
        """Give a channel of one's own on whatever connection is up when it is used."""
        return ConfirmedChannel(lambda: self._connection, on_silence=self._is_silent.set)

    def repair(self) -> None:
        """Ask for the topology to be declared again, because a message found no way; it happens behind the caller."""
        self._needs_repair.set()

    async def _serve(self, connection: AbstractConnection) -> None:
        """Be up until the connection is lost, or silent: a broker that gives no confirm may answer on a new one."""
        await self._topology.declare(connection, self._observer)
        self._needs_repair.clear()
        self._is_silent.clear()
        ends = {
            asyncio.ensure_future(wait_lost(connection)): "the connection is gone",
            asyncio.ensure_future(self._is_silent.wait()): "no confirm in time",
            asyncio.ensure_future(self._repair_when_asked(connection)): "the topology could not be repaired",
        }
        self._connection = connection
        self._status = ConnectionStatus(connected=True)
        self._up.set()
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._connection = None
            self._up.clear()
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        raise SessionLost("; ".join(reason for end, reason in ends.items() if end in done))

    async def _repair_when_asked(self, connection: AbstractConnection) -> None:
        while True:
            await self._needs_repair.wait()
            await self._topology.declare(connection, self._observer)
            await asyncio.sleep(REPAIR_INTERVAL_S)
            self._needs_repair.clear()

    def _on_away(self, reason: str) -> None:
        self._status = ConnectionStatus(connected=False, reason=reason)


class AnswerPublisher:
    """Publishes answers: implements the port ``EventBus``."""

    def __init__(
        self,
        connection: PublishingConnection,
        observer: Observer | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use ``connection`` while it is up. ``monotonic_s`` gives seconds that never go back."""
        self._connection = connection
        self._observer = observer or SilentObserver()
        self._monotonic_s = monotonic_s
        self._channel = connection.channel()
        self._is_routable = True

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> list[bool]:
        """Publish each answer once; True for each that the broker has confirmed and put into a queue."""
        began_at_s = self._monotonic_s()
        publications = await self._channel.publish_many(
            [_outgoing(answer) for answer in answers],
            lambda sent: self._reached(BrokerStep.ANSWERS_SENT, [answers[position] for position in sent]),
        )
        self._reached(
            BrokerStep.ANSWERS_CONFIRMED,
            [answer for answer, end in zip(answers, publications, strict=True) if end is Publication.CONFIRMED],
        )
        confirmed = publications.count(Publication.CONFIRMED)
        self._observer.answers_published(confirmed, len(answers) - confirmed, self._monotonic_s() - began_at_s)
        self._note_routability(publications)
        return [publication is Publication.CONFIRMED for publication in publications]

    async def close(self) -> None:
        """Close the channel. Needed once, at shutdown, before the connection ends."""
        await self._channel.close()

    def _reached(self, step: BrokerStep, answers: Sequence[TransactionFinalized]) -> None:
        if answers:
            self._observer.reached(step, map(message_id_of, answers))

    def _note_routability(self, publications: Sequence[Publication]) -> None:
        """Log a change once, not each message; repair the topology while answers find no queue."""
        if Publication.UNROUTABLE in publications:
            if self._is_routable:
                self._is_routable = False
                _log.error("answers_unroutable", exchange=TRANSACTION_EXCHANGE, routing_key=FINALIZED_KEY)
            self._connection.repair()
        elif Publication.CONFIRMED in publications and not self._is_routable:
            self._is_routable = True
            _log.info("answers_routable_again", exchange=TRANSACTION_EXCHANGE, routing_key=FINALIZED_KEY)


def _outgoing(answer: TransactionFinalized) -> Outgoing:
    properties = Basic.Properties(
        content_type="application/json", delivery_mode=PERSISTENT, message_id=message_id_of(answer)
    )
    return Outgoing(TRANSACTION_EXCHANGE, FINALIZED_KEY, answer_body(answer), properties)
