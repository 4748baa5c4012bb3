"""The metrics of events, books and outbox, in Prometheus' form. Those of HTTP are in ``adapters/http/metrics.py``.

One process per container: several in one would show the numbers of whichever answers the scrape.
Labels come from closed sets (subjects, outcomes, reasons), never from a message.
"""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from wallet_core.intake import Handled
from wallet_core.messages import Subject
from wallet_core.outcome import OutcomeKind
from wallet_core.ports import Clock
from wallet_core.settlement import DeadLetter, RetryAfter

BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
"""Steps up to the largest WALLET_BATCH_MAX."""

DURATIONS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""From a read by key to the patience of a commit."""


def metrics_registry() -> CollectorRegistry:
    """Give an empty registry. Without the ``_created`` series, which triple the scrape and which no dashboard reads."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # the library forgot its annotation
    return CollectorRegistry(auto_describe=True)


class EventMetrics:
    """Counts what the RabbitMQ adapter tells its observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics."""
        self._events = Counter(
            "wallet_events",
            "Events by what they are about and how they ended",
            ("subject", "outcome"),
            registry=registry,
        )
        # Looking a child up by its labels costs more than counting; there are as many as the closed sets allow.
        self._events_by: dict[tuple[Subject, OutcomeKind], Counter] = {}
        self._batch_size = Histogram(
            "wallet_batch_size", "Events per unit of work", buckets=BATCH_SIZES, registry=registry
        )
        self._batch_duration = Histogram(
            "wallet_batch_duration_seconds",
            "Time to post a batch, waits included",
            buckets=DURATIONS_S,
            registry=registry,
        )
        self._retries = Counter("wallet_retries", "Events put into a retry queue", ("subject",), registry=registry)
        self._dead_letters = Counter("wallet_dead_letters", "Messages set aside", ("reason",), registry=registry)
        self._refused = Gauge(
            "wallet_handovers_refused",
            "Deliveries kept because no queue takes what takes their place, by what was tried",
            ("handover",),
            registry=registry,
        )
        self._acks_lost = Counter("wallet_acks_lost", "Acks that came after their connection", registry=registry)
        self._answers = Counter(
            "wallet_answers", "Answers by whether the broker took them", ("result",), registry=registry
        )
        self._publish_duration = Histogram(
            "wallet_publish_duration_seconds", "Time to publish a round", buckets=DURATIONS_S, registry=registry
        )
        self._connected = Gauge("wallet_broker_connected", "1 while connected", ("connection",), registry=registry)
        self._disconnects = Counter("wallet_broker_disconnects", "Lost connections", ("connection",), registry=registry)

    def connected(self, connection: str) -> None:
        """Note that a connection is up."""
        self._connected.labels(connection).set(1)

    def disconnected(self, connection: str, reason: str) -> None:  # noqa: ARG002 - the adapter logs the reason
        """Count a lost connection."""
        self._connected.labels(connection).set(0)
        self._disconnects.labels(connection).inc()

    def batch_handled(self, size: int, duration_s: float) -> None:
        """Count a batch."""
        self._batch_size.observe(size)
        self._batch_duration.observe(duration_s)

    def event_handled(self, subject: Subject, handled: Handled) -> None:
        """Count an event."""
        kind = handled.outcome.kind
        events = self._events_by.get((subject, kind))
        if events is None:
            events = self._events_by[subject, kind] = self._events.labels(subject.value, kind.value)
        events.inc()

    def parked(self, subject: Subject, settlement: RetryAfter | DeadLetter) -> None:
        """Count a retry or a dead letter."""
        if isinstance(settlement, DeadLetter):
            self._dead_letters.labels(settlement.reason.value).inc()
        else:
            self._retries.labels(subject.value).inc()

    def handovers_refused(self, name: str, count: int) -> None:
        """Show what the broker does not take."""
        self._refused.labels(name).set(count)

    def acks_lost(self, count: int) -> None:
        """Count late acks."""
        self._acks_lost.inc(count)

    def answers_published(self, confirmed: int, unconfirmed: int, duration_s: float) -> None:
        """Count answers."""
        self._answers.labels("confirmed").inc(confirmed)
        self._answers.labels("unconfirmed").inc(unconfirmed)
        self._publish_duration.observe(duration_s)


class StoreMetrics:
    """Counts what the MongoDB adapter tells its observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics."""
        self._statements = Histogram(
            "db_query_duration_seconds",
            "Time of a database statement",
            ("operation", "collection"),
            buckets=DURATIONS_S,
            registry=registry,
        )
        self._conflicts = Counter("wallet_conflicts", "Units of work that lost a race", registry=registry)
        self._connections = Counter(
            "wallet_store_connections_lost", "Units of work that lost theirs", registry=registry
        )
        self._commits = Counter(
            "wallet_commits_repeated", "Commits sent again, their result unknown", registry=registry
        )

    def statement_ended(self, operation: str, collection: str, duration_s: float) -> None:
        """Count a statement."""
        self._statements.labels(operation, collection).observe(duration_s)

    def race_lost(self) -> None:
        """Count a lost race."""
        self._conflicts.inc()

    def connection_lost(self) -> None:
        """Count a lost connection."""
        self._connections.inc()

    def commit_repeated(self) -> None:
        """Count a repeated commit."""
        self._commits.inc()


class OutboxMetrics:
    """Shows what the relay measures."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        """Register the metrics; the age is computed when the outbox is measured."""
        self._clock = clock
        self._rows = Gauge("wallet_outbox_rows", "Units of work with answers to publish", registry=registry)
        self._age = Gauge(
            "wallet_outbox_lag_seconds", "Age of the oldest of them, 0 when there is none", registry=registry
        )

    def backlog(self, rows: int, oldest_at: datetime | None) -> None:
        """Show the size and the age of the outbox."""
        self._rows.set(rows)
        self._age.set(0 if oldest_at is None else max(0, (self._clock.now() - oldest_at).total_seconds()))
