"""Whether this process can do its work now, and what is missing if not.

Red until the books are prepared, while MongoDB or RabbitMQ is away, when consumption has halted, and from the first
moment of a stop. The reasons are shown to anybody who reaches the port, so they name no address and no user.
"""

from __future__ import annotations

from typing import Protocol

from adapters.http.readiness import ReadinessCheck
from adapters.rabbitmq.consumer import Consumer
from adapters.rabbitmq.publisher import PublishingConnection
from wallet_core.errors import StoreUnavailable


class Pingable(Protocol):
    """What can be asked for a sign of life."""

    async def ping(self) -> None:
        """Get one, or raise StoreUnavailable."""
        ...


class ProcessReadiness:
    """Answers for the parts that this process runs."""

    def __init__(self, database: Pingable) -> None:
        """Begin not ready."""
        self._database = database
        self._broker: tuple[Consumer, PublishingConnection] | None = None
        self._is_prepared = False
        self._is_stopping = False
        self.checks: dict[str, ReadinessCheck] = {"service": self._service, "mongodb": self._mongodb}
        """By component; the HTTP application asks them."""

    def watch_broker(self, consumer: Consumer, publishing: PublishingConnection) -> None:
        """Answer for RabbitMQ too. Call it before the application is built."""
        self._broker = (consumer, publishing)
        self.checks["rabbitmq"] = self._rabbitmq

    def prepared(self) -> None:
        """Note that the books are prepared."""
        self._is_prepared = True

    def stopping(self) -> None:
        """Note that the process is about to end."""
        self._is_stopping = True

    async def _service(self) -> str | None:
        if self._is_stopping:
            return "stopping"
        return None if self._is_prepared else "the books are not prepared yet"

    async def _mongodb(self) -> str | None:
        try:
            await self._database.ping()
        except StoreUnavailable:
            return "away"
        return None

    async def _rabbitmq(self) -> str | None:
        if self._broker is None:
            return None
        consumer, publishing = self._broker
        if consumer.status.halted:
            return "consumption has halted: the log says why; it starts again with the process"
        if not publishing.status.connected:
            return "away (publishing)"
        if not consumer.status.consuming:
            return "away (consuming)"
        if consumer.status.refused:
            return "there, but takes no dead letter, or nothing back into its queue: the log says which queue is full"
        return None if consumer.status.reason is None else "there, but events wait for the database"
