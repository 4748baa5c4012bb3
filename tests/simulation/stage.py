"""What all parts of one run share: chance, time, what goes wrong, who watches, and what is written down."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.choices import Choices
from tests.simulation.faults import FaultPlan
from tests.simulation.scheduler import Scheduler
from tests.simulation.trace import Trace
from tests.simulation.watch import Watch


@dataclass(frozen=True, slots=True)
class Stage:
    """The stage of one run."""

    choices: Choices
    scheduler: Scheduler
    plan: FaultPlan
    watch: Watch
    trace: Trace

    def note(self, actor: str, text: str, fault: str = "") -> None:
        """Write a line of the trace."""
        self.trace.note(self.scheduler.now_ms, actor, text, fault)
