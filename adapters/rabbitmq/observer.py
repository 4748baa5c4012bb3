"""What the adapter tells whoever counts: metrics, a demo's screen. The default hears nothing.

Calls are synchronous, from the event loop, and must be quick; one that raises breaks what it watches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from adapters.rabbitmq.steps import BrokerStep
from wallet_core.intake import Handled
from wallet_core.messages import Subject
from wallet_core.settlement import DeadLetter, RetryAfter


class Observer(Protocol):
    """Hears what happens at the broker. Names of connections are ``consumer`` and ``publisher``."""

    def connected(self, connection: str) -> None:
        """Hear that a connection is up."""
        ...

    def disconnected(self, connection: str, reason: str) -> None:
        """Hear that a connection that was up is lost."""
        ...

    def batch_handled(self, size: int, duration_s: float) -> None:
        """Hear that a batch was posted, waits for the database included."""
        ...

    def event_handled(self, subject: Subject, handled: Handled) -> None:
        """Hear how one event ended. It is not settled yet."""
        ...

    def parked(self, subject: Subject, settlement: RetryAfter | DeadLetter) -> None:
        """Hear that the broker has confirmed a message in a retry queue or the dead-letter queue."""
        ...

    def handovers_refused(self, name: str, count: int) -> None:
        """Hear how many deliveries stay unacked because the broker takes no ``parking`` or ``returning`` of them."""
        ...

    def acks_lost(self, count: int) -> None:
        """Hear that acks came too late for their session: these deliveries come again, and are known then."""
        ...

    def answers_published(self, confirmed: int, unconfirmed: int, duration_s: float) -> None:
        """Hear how one ``publish_many`` ended."""
        ...

    def reached(self, step: BrokerStep, ids: Iterable[str | None] = (), about: str = "") -> None:
        """Hear that a step is done: with which ids (None: an event without one), and about which queue."""
        ...


class SilentObserver:
    """An observer that does nothing with what it hears."""

    def connected(self, connection: str) -> None:
        """Do nothing."""

    def disconnected(self, connection: str, reason: str) -> None:
        """Do nothing."""

    def batch_handled(self, size: int, duration_s: float) -> None:
        """Do nothing."""

    def event_handled(self, subject: Subject, handled: Handled) -> None:
        """Do nothing."""

    def parked(self, subject: Subject, settlement: RetryAfter | DeadLetter) -> None:
        """Do nothing."""

    def handovers_refused(self, name: str, count: int) -> None:
        """Do nothing."""

    def acks_lost(self, count: int) -> None:
        """Do nothing."""

    def answers_published(self, confirmed: int, unconfirmed: int, duration_s: float) -> None:
        """Do nothing."""

    def reached(self, step: BrokerStep, ids: Iterable[str | None] = (), about: str = "") -> None:
        """Do nothing."""
