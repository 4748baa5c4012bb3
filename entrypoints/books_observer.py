"""What this process does with what happens at the books: count it, and tell the steps."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry

from adapters.mongo.steps import StoreStep
from entrypoints.fault_injection import StepListener
from entrypoints.metrics import StoreMetrics


class BooksObserver(StoreMetrics):
    """The observer of the MongoDB adapter in production."""

    def __init__(self, registry: CollectorRegistry, steps: StepListener) -> None:
        """Tell every step to ``steps``."""
        super().__init__(registry)
        self._steps = steps

    def reached(self, step: StoreStep, ids: Iterable[str | None] = (), about: str = "") -> None:
        """Tell a step."""
        self._steps.reached(step.value, ids, about)
