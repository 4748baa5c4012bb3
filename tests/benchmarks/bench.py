"""What a measurement is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.benchmarks.effort import Effort
from tests.benchmarks.figures import Figure
from tests.benchmarks.servers import Servers
from tests.benchmarks.targets import Row, Target


@dataclass(frozen=True, slots=True)
class Bench:
    """Servers, drivers, sizes, and whom to tell how far it is. ``chosen`` are the names of the rows asked for."""

    servers: Servers
    drivers: tuple[str, ...]
    effort: Effort
    chosen: frozenset[str]
    tell: Callable[[str], None]

    def row(self, target: Target, driver: str, ours: Figure, reference: Figure | None = None) -> Row:
        """Say what was found about a target with a driver."""
        sizes = self.effort.sizes()
        return Row(target, target.what.format(**sizes), target.reference.format(**sizes), driver, ours, reference)


@dataclass(frozen=True, slots=True)
class Section:
    """
    What one measurement has found: rows of the table, and what the plots show, as JSON takes it.

    ``rounds`` is the number behind each median; None for as many as the run was asked for.
    """

    rows: tuple[Row, ...] = ()
    shown: Mapping[str, object] = field(default_factory=dict)
    rounds: int | None = None
