"""Everything that can be known about a scenario once it is at rest: the books, the broker, the history, the processes.

``Facts`` are plain data, so that the invariants are pure functions over them and can be tested with planted faults. The
books are read by the plain driver and the queues by the broker's own tool: nothing of the service is trusted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.history import Read, Sent
from tests.faults.load import Load

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What the broker says of a queue."""

    ready: int
    unacked: int


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """A dead letter: its reason, its body, and the id that its publisher gave it."""

    reason: str
    body: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """A process of the service: what readiness says, its log, and what it holds open now and held at the beginning."""

    is_ready: bool
    log: str
    balances_minor: Mapping[str, int | None]
    handles: int
    handles_before: int | None


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A line that the service itself wrote: which process reached which step, with which ids."""

    pid: int
    step: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """One scenario at rest."""

    wallets: Sequence[Document]
    entries: Sequence[Document]
    transactions: Sequence[Document]
    outbox: Sequence[Document]
    queues: Mapping[str, QueueFacts]
    letters: Sequence[LetterFacts]
    sent: Sequence[Sent]
    read: Sequence[Read]
    lines: Sequence[ServiceLine] = ()
    processes: Sequence[ProcessFacts] = ()
    secrets: Sequence[str] = ()
    loads: Sequence[Load] = field(default=())
