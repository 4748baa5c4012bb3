"""A scheduler of coroutines in virtual time: who goes next is a choice, and nothing takes real time.

A task runs until it awaits ``pause`` or ``wait``; then one of the tasks that are due goes on. When none is due, time
jumps to the first that will be. Tasks belong to an owner: all tasks of a process freeze together and die together, at
whatever await they are.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field

from tests.simulation.choices import Choices

Flow = Coroutine[int, None, None]


class Killed(BaseException):
    """The process of the running task is dead from here on, as by kill -9: not an Exception, so nobody catches it."""


@dataclass(slots=True, eq=False)
class Owner:
    """
    Whose tasks they are: none of them runs while it is frozen.

    ``drowsy_until_ms`` is a moment after a long sleep: its connections may be gone. ``on_killed`` hears of a death from
    within.
    """

    name: str
    frozen_from_ms: int = 0
    frozen_until_ms: int = 0
    is_dead: bool = False
    drowsy_until_ms: int = 0
    on_killed: Callable[[], None] | None = None


@dataclass(slots=True, eq=False)
class Task:
    """A coroutine and the time at which it goes on."""

    owner: Owner
    flow: Flow
    due_ms: int


@dataclass(slots=True, eq=False)
class Signal:
    """Something to wait for. ``wait`` may end without it: look at what you wait for again."""

    waiting: list[Task] = field(default_factory=list)


class Scheduler:
    """Runs tasks, one step at a time."""

    def __init__(self, choices: Choices, on_error: Callable[[str], None]) -> None:
        """Start at 0 ms with no tasks; ``on_error`` hears of a task that died of an error."""
        self._on_error = on_error
        self.now_ms = 0
        self.steps = 0
        self._choices = choices
        self._tasks: list[Task] = []
        self._running: Task | None = None

    def spawn(self, owner: Owner, flow: Flow) -> None:
        """Add a task; it begins later, as chance has it."""
        self._tasks.append(Task(owner, flow, self.now_ms))

    async def pause(self, duration_ms: int) -> None:
        """Let others go on, for so long."""
        await _suspend(self.now_ms + duration_ms)

    async def wait(self, signal: Signal, timeout_ms: int) -> None:
        """Wait until ``signal`` is fired, at most so long."""
        task = self._running
        assert task is not None, "only a task can wait"
        signal.waiting.append(task)
        await _suspend(self.now_ms + timeout_ms)
        if task in signal.waiting:
            signal.waiting.remove(task)

    def fire(self, signal: Signal) -> None:
        """Wake all that wait for ``signal``."""
        for task in signal.waiting:
            task.due_ms = max(task.owner.frozen_until_ms, min(task.due_ms, self.now_ms))
        signal.waiting.clear()

    def freeze(self, owner: Owner, until_ms: int) -> None:
        """Stop all tasks of ``owner`` where they are, as by SIGSTOP."""
        owner.frozen_from_ms, owner.frozen_until_ms = self.now_ms, max(until_ms, owner.frozen_until_ms)
        for task in self._tasks:
            if task.owner is owner:
                task.due_ms = max(task.due_ms, owner.frozen_until_ms)

    def kill(self, owner: Owner) -> None:
        """End all tasks of ``owner`` where they are; what they would do next never happens."""
        owner.is_dead = True
        dead = [task for task in self._tasks if task.owner is owner]
        self._tasks = [task for task in self._tasks if task.owner is not owner]
        for task in dead:
            if task is not self._running:
                task.flow.close()

    def step(self) -> bool:
        """Let one task go on; False when none is due now, and time was moved instead."""
        now_ms = self.now_ms
        ready = [task for task in self._tasks if task.due_ms <= now_ms]
        if not ready:
            self.now_ms = min([task.due_ms for task in self._tasks])
            return False
        self.steps += 1
        task = ready[self._choices.below(len(ready), "whose turn it is")]
        self._running = task
        try:
            task.due_ms = max(task.flow.send(None), task.owner.frozen_until_ms)
        except StopIteration:
            self._tasks.remove(task)
        except Killed:
            self.kill(task.owner)
            if task.owner.on_killed is not None:
                task.owner.on_killed()
        except Exception as error:  # noqa: BLE001 - decision: whatever a task dies of is for the watch to blame
            self._tasks.remove(task)
            self._on_error(f"a task of {task.owner.name} died of {type(error).__name__}: {error}")
        finally:
            self._running = None
        return True

    def close(self) -> None:
        """End every task."""
        for task in self._tasks:
            task.flow.close()
        self._tasks.clear()


@types.coroutine
def _suspend(due_ms: int) -> Generator[int, None, None]:
    yield due_ms
