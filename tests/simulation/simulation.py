"""One run: the processes, the database, the broker and the neighbours of one story, until all is quiet and done.

``run_seed`` draws the story of a seed and runs it; ``run`` runs any story, with the choices of a script if one is
given. The result holds the violations that were seen (the run ends at the first), and the trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.simulation.broker import HEARTBEAT_MS, ChannelLost, Message, SimulatedBroker
from tests.simulation.broker_port import BrokerPort
from tests.simulation.choices import Choices, Position, Script
from tests.simulation.client import Client, ReaderPort
from tests.simulation.database import Isolation, SimulatedDatabase
from tests.simulation.ending import check_ending
from tests.simulation.faults import FaultPlan
from tests.simulation.gate import Gate, Server
from tests.simulation.process import WalletProcess
from tests.simulation.scheduler import Owner, Scheduler
from tests.simulation.skewed_clock import SkewedClock
from tests.simulation.stage import Stage
from tests.simulation.store_port import StorePort
from tests.simulation.story import Misfortune, MisfortuneKind, Story, draw_story
from tests.simulation.trace import Trace
from tests.simulation.watch import Violation, Watch
from tests.simulation.watched_intake import WatchedIntake
from wallet_core import FreshAnswers, Relay, StoreUnavailable, Subject

HEALS_WITHIN_MS = 180_000
"""Virtual time from the last fault to the end of all work: two last delays of 30 s in the first minute of a life, all
delays of a reversal that is due (51 s), a lease (15 s), and some pauses of back-off."""

STEPS_MAX = 200_000
"""More steps than any run needs: who takes more goes round in a circle."""

RESTART_MS = 1_000
"""How long a process that died by itself takes to come back."""

GRACE_MS = 15_000
"""How long a process may take to stop before it is killed."""

STOP_POLL_MS = 100
"""How often it is looked at whether a process has stopped."""

PERSON_MS = 10_000
"""How long it takes until a person restarts a process that has halted."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is made of; a test puts a broken part in the place of a good one."""

    database: type[SimulatedDatabase] = SimulatedDatabase
    broker_port: type[BrokerPort] = BrokerPort
    process: type[WalletProcess] = WalletProcess
    intake: type[WatchedIntake] = WatchedIntake
    relay: type[Relay] = Relay


GOOD = Parts()


@dataclass(frozen=True, slots=True)
class Life:
    """A process that runs, its way to the broker, and the name of its relay."""

    process: WalletProcess
    broker: BrokerPort
    holder: str


@dataclass(frozen=True, slots=True)
class Run:
    """
    How a run ended.

    ``script`` are the choices that were made: with them the story runs again as it did. ``faults_at`` are the positions
    of those that were faults.
    """

    story: Story
    violations: tuple[Violation, ...]
    trace: str
    script: Script
    faults_at: tuple[Position, ...]
    ended_ms: int
    steps: int

    def __str__(self) -> str:
        """Give all of it for a person: the story, the trace, the verdict."""
        verdict = "\n".join(map(str, self.violations)) or "all invariants hold"
        return f"{self.story}\n\n{self.trace}\n\n{verdict}"


def run_seed(seed: int, parts: Parts = GOOD) -> Run:
    """Draw the story of a seed, and run it."""
    random = Random(seed)  # noqa: S311 - it must be foreseeable
    story = draw_story(seed, random)
    return run(story, Choices(random), parts)


def run(story: Story, choices: Choices, parts: Parts = GOOD) -> Run:
    """Run a story."""
    simulation = Simulation(story, choices, parts)
    try:
        simulation.run()
    finally:
        simulation.scheduler.close()
    return Run(
        story,
        tuple(simulation.watch.violations),
        simulation.stage.trace.text,
        {about: tuple(made) for about, made in choices.made.items()},
        tuple(choices.faults_at),
        simulation.scheduler.now_ms,
        simulation.scheduler.steps,
    )


class Simulation:
    """The world of one run."""

    def __init__(self, story: Story, choices: Choices, parts: Parts) -> None:
        """Set everything up; nothing has happened yet."""
        self.story = story
        self.watch = Watch(story.policy, has_model=story.isolation is Isolation.SERIALIZABLE or story.is_calm)
        self.scheduler = Scheduler(choices, lambda text: self.watch.blame("no unexpected error", text))
        self._parts = parts
        self._quiet_from_ms = story.quiet_from_ms
        plan = FaultPlan(choices, story.likelihoods, self._quiet_from_ms)
        self.stage = Stage(choices, self.scheduler, plan, self.watch, Trace())
        clock, server = SkewedClock(self.scheduler), Server("database", forgets_sleepers=True)
        self.store = parts.database(clock, server, self.watch, story.isolation)
        self.broker = SimulatedBroker(Server("broker"), self.store, self.stage)
        self._lives: dict[int, Life] = {}
        self._lives_ever = 0
        self._starting = 0

    def run(self) -> None:
        """Let it happen, until it is done or something is wrong."""
        world = Owner("world")
        self.scheduler.spawn(self.broker.owner, self.broker.run())
        self.scheduler.spawn(world, self._send())
        self.scheduler.spawn(world, self._restart_halted())
        for misfortune in self.story.misfortunes:
            self.scheduler.spawn(world, self._befall(misfortune))
        for number in range(1, self.story.processes + 1):
            self._start(number)
        while not self.watch.violations and not self._is_over():
            while self.scheduler.step() and not self.watch.violations:
                pass
        if not self.watch.violations:
            check_ending(self)

    def _is_over(self) -> bool:
        """Tell whether all is quiet and done; what takes too long is a violation."""
        past_ms = self.scheduler.now_ms - self._quiet_from_ms
        if past_ms < 0:
            return False
        is_in_doubt = any(life.process.is_in_doubt for life in self._lives.values())
        if self.broker.is_empty and not (self.store.waiting or self._starting or is_in_doubt):
            return True
        if past_ms > HEALS_WITHIN_MS or self.scheduler.steps > STEPS_MAX:
            left = f"broker empty: {self.broker.is_empty}, outbox rows: {self.store.waiting}"
            self.watch.blame("I9 heals alone", f"not done {past_ms / 1_000:g} s after the last fault ({left})")
        return False

    def _start(self, number: int) -> None:
        """Start a process: nothing of an earlier life is left."""
        self._lives_ever += 1
        scheduler, parts, story = self.scheduler, self._parts, self.story
        holder = f"wallet-{number} in life {self._lives_ever}"
        owner = Owner(f"wallet-{number}", on_killed=lambda: self._buried(number, RESTART_MS))
        clock = SkewedClock(scheduler, story.skews_s[number - 1])
        store = StorePort(self.store, self._gate(owner, self.store.server, StoreUnavailable), owner)
        broker = parts.broker_port(
            self.broker, self._gate(owner, self.broker.server, ChannelLost), owner, store, self.watch
        )
        fresh_answers = FreshAnswers()
        process = parts.process(
            owner,
            store,
            broker,
            intake=parts.intake(store, clock, story.policy, broker, fresh_answers),
            relay=parts.relay(store, broker, holder, clock.monotonic_s, fresh_answers),
            scheduler=scheduler,
            batch_max=story.batch_max,
            looks_ahead=story.isolation is Isolation.SNAPSHOT,  # what it has read is not compared at the commit
        )
        self._lives[number] = Life(process, broker, holder)
        self.stage.note(owner.name, "starts")
        process.start()
        reader = ReaderPort(self.store, self._gate(owner, self.store.server, StoreUnavailable))
        scheduler.spawn(owner, Client(reader, scheduler, self.watch).run())

    def _gate(self, owner: Owner, server: Server, error: type[Exception]) -> Gate:
        return Gate(owner, server, self.stage, error)

    async def _send(self) -> None:
        """Be the neighbours."""
        for sent in self.story.sent:
            if sent.at_ms > self.scheduler.now_ms:
                await self.scheduler.pause(sent.at_ms - self.scheduler.now_ms)
            self.stage.note("neighbour", f"sends {sent}")
            self.broker.publish(Message(sent))

    async def _befall(self, misfortune: Misfortune) -> None:
        await self.scheduler.pause(misfortune.at_ms)
        self.stage.note("world", str(misfortune))
        ends_ms = self.scheduler.now_ms + misfortune.duration_ms
        match misfortune.kind:
            case MisfortuneKind.DATABASE_AWAY:
                self.store.server.away_until_ms = max(ends_ms, self.store.server.away_until_ms)
            case MisfortuneKind.BROKER_AWAY:
                self.broker.server.away_until_ms = max(ends_ms, self.broker.server.away_until_ms)
                self.broker.lose_all()
            case MisfortuneKind.SIGNUPS_STUCK:
                self.broker.stick(Subject.SIGNUP, ends_ms)
            case MisfortuneKind.FREEZE:
                if (life := self._lives.get(misfortune.process)) is not None:
                    self.scheduler.freeze(life.process.owner, ends_ms)
            case MisfortuneKind.KILL:
                self._kill(misfortune.process, misfortune.duration_ms)
            case MisfortuneKind.STOP:
                await self._stop(misfortune.process, misfortune.duration_ms)

    async def _stop(self, number: int, down_ms: int) -> None:
        """End a process in order; kill it if it takes too long."""
        life = self._lives.get(number)
        if life is None:
            return
        life.process.stop()
        ends_ms = self.scheduler.now_ms + GRACE_MS
        while not life.process.has_ended and self.scheduler.now_ms < ends_ms and not life.process.owner.is_dead:
            await self.scheduler.pause(STOP_POLL_MS)
        if not life.process.owner.is_dead:
            self._kill(number, down_ms)

    async def _restart_halted(self) -> None:
        """Be the person who restarts what has halted."""
        while True:
            await self.scheduler.pause(PERSON_MS)
            for number, life in list(self._lives.items()):
                if life.process.is_halted:
                    self._kill(number, 0)

    def _kill(self, number: int, down_ms: int) -> None:
        life = self._lives.get(number)
        if life is not None:
            self.scheduler.kill(life.process.owner)
            self._buried(number, down_ms)

    def _buried(self, number: int, down_ms: int) -> None:
        """Let the broker notice a death, at once or by the missing heartbeat, and start the next life."""
        life = self._lives.pop(number)
        self.stage.note(life.process.owner.name, "is dead")
        self._starting += 1
        if life.process.is_in_doubt:
            self.watch.died_in_doubt.add(life.holder)
        self.scheduler.spawn(self.broker.owner, self._notice(life.broker))
        self.scheduler.spawn(Owner("world"), self._start_later(number, down_ms))

    async def _notice(self, broker: BrokerPort) -> None:
        await self.scheduler.pause((0, HEARTBEAT_MS)[self.stage.choices.below(2, "who notices a death")])
        broker.close()

    async def _start_later(self, number: int, down_ms: int) -> None:
        await self.scheduler.pause(down_ms)
        self._starting -= 1
        self._start(number)
