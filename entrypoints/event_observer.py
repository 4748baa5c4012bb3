"""What this process does with what happens at the broker: count it, log it, wake the relay, and tell the steps."""

from __future__ import annotations

from asyncio import Event
from collections.abc import Iterable
from functools import cached_property

import structlog
from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from adapters.rabbitmq.steps import BrokerStep
from entrypoints.fault_injection import StepListener
from entrypoints.metrics import EventMetrics
from wallet_core.intake import Handled
from wallet_core.messages import Subject
from wallet_core.outcome import OutcomeKind

_WORTH_AN_INFO = frozenset({OutcomeKind.REFUSED, OutcomeKind.REVERSED, OutcomeKind.REVERSAL_DUE})
"""Outcomes that somebody will ask about; the others are logged at debug, or a busy service would log nothing else."""

log = structlog.get_logger(__name__)


class EventObserver(EventMetrics):
    """The observer of the RabbitMQ adapter in production."""

    def __init__(self, registry: CollectorRegistry, answers_wait: Event, steps: StepListener) -> None:
        """Set ``answers_wait`` after each commit: the relay waits for it. Tell every step to ``steps``."""
        super().__init__(registry)
        self._answers_wait = answers_wait
        self._steps = steps

    @cached_property
    def _log(self) -> FilteringBoundLogger:
        """Bind the logger once, which takes as long as the rest of a line, and not before the log is configured."""
        bound: FilteringBoundLogger = log.bind()
        return bound

    def batch_handled(self, size: int, duration_s: float) -> None:
        """Count a batch, and wake the relay."""
        super().batch_handled(size, duration_s)
        self._answers_wait.set()

    def event_handled(self, subject: Subject, handled: Handled) -> None:
        """Count and log an event under its transaction (or user) id; never its content."""
        super().event_handled(subject, handled)
        kind = handled.outcome.kind
        write = self._log.info if kind in _WORTH_AN_INFO else self._log.debug
        id_name = "user_id" if subject is Subject.SIGNUP else "transaction_id"
        outcome = {"outcome": kind.value, "reason": handled.outcome.reason}
        write("event_handled", subject=subject.value, **{id_name: handled.key}, **outcome)

    def reached(self, step: BrokerStep, ids: Iterable[str | None] = (), about: str = "") -> None:
        """Tell a step."""
        self._steps.reached(step.value, ids, about)
