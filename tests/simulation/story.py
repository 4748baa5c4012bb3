"""What one seed tells: who sends what and when, how the service is deployed, and what will go wrong.

A story is drawn as a whole before its run begins, so that a failing one can be told again with less in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from tests.scenario import USD
from tests.simulation.database import Isolation
from tests.simulation.faults import Fault
from tests.simulation.workload import CAN_PAY, Sent, Temper, draw_sent
from wallet_core import Policy, Shortfall

PROCESSES = (1, 2, 2, 3)
BATCH_MAX = (1, 2, 5, 10)
SKEWS_S = (0, 0, 0, -3_600, 2, 90_000)
"""How wrong the clock of a process is, seconds."""

RICH_MINOR = 100_000
"""Opening balance of the rich, minor units: more than all transfers of a story together."""

SETTLING_MS = 20_000
"""How long faults go on after the last event."""

LIKELIHOODS: Mapping[Fault, tuple[float, ...]] = {
    Fault.REPLY_LOST: (0.01, 0.03, 0.1),
    Fault.FAILS: (0.0, 0.01, 0.05),
    Fault.SLOW: (0.0, 0.005, 0.02),
    Fault.TWICE: (0.0, 0.01, 0.05),
    Fault.RACE: (0.0, 0.01, 0.05),
    Fault.LATE: (0.0, 0.02, 0.1),
    Fault.KILLED: (0.0, 0.0, 0.002, 0.01),
    Fault.KILLED_AFTER: (0.0, 0.0, 0.002, 0.01),
    Fault.FROZEN: (0.0, 0.0, 0.002, 0.01),
    Fault.FROZEN_AFTER: (0.0, 0.0, 0.002, 0.01),
    Fault.OVERSLEPT: (0.0, 0.0, 0.02),
}
"""How likely a fault may be at one call. Each run draws its own mixture: without some, others go deeper."""


SLEEPY: Mapping[Fault, float] = {Fault.OVERSLEPT: 0.25, Fault.REPLY_LOST: 0.01}
"""Those of a sleepy story: little else goes wrong, so that others go on while a relay sleeps."""


class MisfortuneKind(StrEnum):
    """What happens to a whole process or server, whatever it is doing."""

    KILL = "kill -9"
    STOP = "SIGTERM"
    FREEZE = "SIGSTOP"
    DATABASE_AWAY = "the database goes away"
    BROKER_AWAY = "the broker goes away"
    SIGNUPS_STUCK = "the queue of signups delivers nothing"


DURATIONS_MS = {
    MisfortuneKind.KILL: (0, 1_000, 30_000),
    MisfortuneKind.STOP: (0, 1_000, 30_000),
    MisfortuneKind.FREEZE: (1_000, 16_000, 40_000, 90_000),
    MisfortuneKind.DATABASE_AWAY: (500, 10_000, 75_000),
    MisfortuneKind.BROKER_AWAY: (500, 10_000, 60_000),
    MisfortuneKind.SIGNUPS_STUCK: (10_000, 90_000),
}


@dataclass(frozen=True, slots=True)
class Misfortune:
    """Something that happens at a time. ``duration_ms`` is until the restart, the waking or the return."""

    at_ms: int
    kind: MisfortuneKind
    process: int
    duration_ms: int

    def __str__(self) -> str:
        """Give the line of the story."""
        ours = self.kind in (MisfortuneKind.KILL, MisfortuneKind.STOP, MisfortuneKind.FREEZE)
        whom = f" wallet-{self.process}" if ours else ""
        return f"{self.kind}{whom}, for {self.duration_ms / 1_000:g} s"


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about a run that is not chosen while it runs."""

    seed: int
    temper: Temper
    isolation: Isolation
    processes: int
    batch_max: int
    skews_s: tuple[int, ...]
    policy: Policy
    likelihoods: Mapping[Fault, float]
    sent: tuple[Sent, ...]
    misfortunes: tuple[Misfortune, ...]

    @property
    def is_calm(self) -> bool:
        """Whether one process goes through it without a fault: then it decides as the model does, whatever it reads."""
        return self.processes == 1 and not self.misfortunes and not any(self.likelihoods.values())

    @property
    def quiet_from_ms(self) -> int:
        """When nothing is sent and nothing goes wrong any more."""
        ends = [sent.at_ms for sent in self.sent]
        ends += [misfortune.at_ms + misfortune.duration_ms for misfortune in self.misfortunes]
        return max(ends, default=0) + SETTLING_MS

    def __str__(self) -> str:
        """Give the story for a person: the deployment, then what happens in the order of time."""
        rates = ", ".join(f"{fault.name} {rate:g}" for fault, rate in self.likelihoods.items() if rate)
        opening = f"opening balance {self.policy.opening_balance_minor} minor, shortfall: {self.policy.shortfall}"
        head = [
            f"seed {self.seed}: {self.temper}",
            f"{self.processes} process(es), clocks off by {list(self.skews_s)} s; isolation: {self.isolation}",
            f"batches of {self.batch_max}; {opening}",
            f"faults at a port call: {rates or 'none'}; quiet from {self.quiet_from_ms / 1_000:.3f} s",
        ]
        lines = [(sent.at_ms, f"sent  {sent}") for sent in self.sent]
        lines += [(misfortune.at_ms, f"---   {misfortune}") for misfortune in self.misfortunes]
        return "\n".join(head + [f"{at_ms / 1_000:9.3f}  {text}" for at_ms, text in sorted(lines)])


def draw_story(seed: int, random: Random) -> Story:
    """Draw the story of a seed from ``random``, which goes on to make the choices of the run."""
    temper = random.choice(list(Temper))
    is_sleepy = temper is Temper.SLEEPY
    processes = random.choice(PROCESSES[1:] if is_sleepy else PROCESSES)
    sent = draw_sent(random, temper)
    opening_minor = RICH_MINOR if temper in CAN_PAY else random.choice((0, 250))
    return Story(
        seed=seed,
        temper=temper,
        isolation=random.choice(list(Isolation)),
        processes=processes,
        batch_max=random.choice(BATCH_MAX),
        skews_s=tuple(random.choice(SKEWS_S) for _ in range(processes)),
        policy=Policy(USD, opening_balance_minor=opening_minor, shortfall=random.choice(list(Shortfall))),
        likelihoods=SLEEPY
        if is_sleepy
        else {fault: random.choice(likelihoods) for fault, likelihoods in LIKELIHOODS.items()},
        sent=sent,
        misfortunes=_draw_misfortunes(random, processes, max(sent_.at_ms for sent_ in sent)),
    )


def _draw_misfortunes(random: Random, processes: int, until_ms: int) -> tuple[Misfortune, ...]:
    """Draw what happens to whole processes and servers: in half of the stories nothing."""
    drawn = []
    for _ in range(random.choice((0, 0, 1, 2, 4))):
        kind = random.choice(list(MisfortuneKind))
        at_ms, process = random.randrange(until_ms + 1), random.randrange(processes) + 1
        drawn.append(Misfortune(at_ms, kind, process, random.choice(DURATIONS_MS[kind])))
    return tuple(sorted(drawn, key=lambda misfortune: misfortune.at_ms))
