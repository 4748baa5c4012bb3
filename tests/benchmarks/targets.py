"""The targets: what is measured, against what, and what is asked.

A target with a reference asks for a ratio within the run; one without asks for a number. Some rows have no target: they
are told because they belong to the picture. ``Row`` is what a run has found about one of them with one driver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tests.benchmarks.figures import Figure
from tests.benchmarks.servers import DRIVERS, MOTOR, PYMONGO


class Bound(Enum):
    """Which side of the bound is wanted."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class Target:
    """
    What is asked for.

    ``bounds`` by driver: of the ratio to ``reference``, or of the number itself, in ``unit``, where that is empty.
    Nothing is asked without bounds. ``what`` may name sizes of the run in braces.
    """

    name: str
    what: str
    unit: str
    bound: Bound
    bounds: Mapping[str, float]
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What was found about one target with one driver; ``what`` and ``reference_is`` name the sizes of the run."""

    target: Target
    what: str
    reference_is: str
    driver: str
    ours: Figure
    reference: Figure | None = None

    @property
    def ratio(self) -> Figure | None:
        """Ours over the reference, round by round; None without a reference."""
        return None if self.reference is None else self.ours.over(self.reference)

    @property
    def bound(self) -> float | None:
        """What is asked for; None if nothing is."""
        return self.target.bounds.get(self.driver)

    @property
    def is_met(self) -> bool | None:
        """Tell whether the median is on the right side; None if nothing is asked."""
        if self.bound is None:
            return None
        found = (self.ratio or self.ours).median
        return found >= self.bound if self.target.bound is Bound.AT_LEAST else found <= self.bound


def _both(bound: float) -> dict[str, float]:
    return dict.fromkeys(DRIVERS, bound)


RATE = "transfers/s"
REQUESTS = "requests/s"
AMONG = "drain among {wallets:,} wallets"

DRAIN = Target(
    "drain",
    "drain {transfers:,} transfers among {wallets:,} wallets, a client reads the answers",
    RATE,
    Bound.AT_LEAST,
    _both(1.0),
    "bare aio-pika echo, same client",
)
HOT = Target("hot", "the same, all into one wallet", RATE, Bound.AT_LEAST, _both(0.9), AMONG)
MANY = Target("many", "the same, among {wallets_many:,} wallets", RATE, Bound.AT_LEAST, _both(0.85), AMONG)
MANY_BESIDE_LOOP = Target(
    "many-beside-loop", "the same, beside the loop", RATE, Bound.AT_LEAST, {}, "bare aio-pika echo, same client"
)
PAIR = Target("pair", "the same, by two processes", RATE, Bound.AT_LEAST, _both(0.8), "by one process")

LATENCY = Target(
    "latency",
    "idle, event published → answer received, p50",
    "ms",
    Bound.AT_MOST,
    _both(2.0),
    "one majority transaction + one confirmed publish, p50",
)
LATENCY_TAIL = Target("latency-tail", "the same, p99", "ms", Bound.AT_MOST, {}, "the same, p99")

WALLET = Target(
    "wallet",
    "`GET` wallet, {connections} connections, {readers:,} users",
    REQUESTS,
    Bound.AT_LEAST,
    {MOTOR: 0.2, PYMONGO: 0.3},
    "bare Starlette route",
)
FIND_ONE = Target(
    "find-one", "the same", REQUESTS, Bound.AT_LEAST, _both(2.5), "Starlette and one `find_one` per request"
)
PAGE = Target(
    "page",
    "`GET` statement, the newest 50 entries, seen before: time per request",
    "ms",
    Bound.AT_MOST,
    _both(3.0),
    "`GET` wallet: time per request",
)
MOVED_PAGE = Target(
    "moved-page",
    "the same, and an entry has come since",
    "ms",
    Bound.AT_MOST,
    _both(3.0),
    "`GET` wallet, asked once each as well: time per request",
)
UNSEEN_PAGE = Target(
    "unseen-page",
    "the same, 50 entries that nobody has looked at lately, so that they are read",
    "ms",
    Bound.AT_MOST,
    _both(3.0),
    "`GET` wallet: time per request",
)
LONG = Target(
    "long",
    "page of 50 from a wallet of {entries_long:,} entries, one at a time",
    "ms",
    Bound.AT_MOST,
    _both(1.25),
    "from a wallet of {entries_short:,} entries",
)
KEYS = Target(
    "keys", "index keys that mongod looks at for that page", "keys", Bound.AT_MOST, _both(1.0), "for the short wallet"
)

MEMORY = Target(
    "memory", "largest memory of `wallet run` while it drains {endurance:,} transfers", "MiB", Bound.AT_MOST, _both(150)
)
GROWTH = Target(
    "growth",
    "memory in the last quarter of that drain",
    "MiB",
    Bound.AT_MOST,
    _both(1.1),
    "in the second quarter",
)
START = Target("start", "start of the process → first event answered", "s", Bound.AT_MOST, _both(1.5))
AUDIT = Target("audit", "`wallet audit` of {audited:,} entries", "s", Bound.AT_MOST, _both(60))
AUDIT_MEMORY = Target("audit-memory", "its largest memory", "MiB", Bound.AT_MOST, _both(200))
