"""Lets the demo wait for outcomes, besides everything that the observer of production does."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from entrypoints.event_observer import EventObserver
from entrypoints.fault_injection import StepListener
from wallet_core.intake import Handled
from wallet_core.messages import Subject


class StoryObserver(EventObserver):
    """Hands every handled event to whoever tells the story, in order."""

    def __init__(self, registry: CollectorRegistry, answers_wait: asyncio.Event, steps: StepListener) -> None:
        """Begin with nothing handled."""
        super().__init__(registry, answers_wait, steps)
        self.handled: asyncio.Queue[Handled] = asyncio.Queue()

    def event_handled(self, subject: Subject, handled: Handled) -> None:
        """Count, log, and hand over."""
        super().event_handled(subject, handled)
        self.handled.put_nowait(handled)
