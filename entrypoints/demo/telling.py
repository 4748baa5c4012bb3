"""Tells the story: sends each event, waits for what becomes of it, and prints both as they happen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
from rich.text import Text

from entrypoints.demo.neighbours import Neighbours
from entrypoints.demo.scenario import Expected, Step
from entrypoints.screen import console
from wallet_core.intake import Handled
from wallet_core.outcome import OutcomeKind

STEP_TIMEOUT_S = 20.0
"""Longest wait for one step: a late signup costs one retry delay (1 s), the rest milliseconds."""

INDENT = " " * 5
"""Under the title: two lines a step fit a terminal of 100 columns."""

STYLES = {
    OutcomeKind.OPENED: "green",
    OutcomeKind.APPLIED: "green",
    OutcomeKind.REPEATED: "cyan",
    OutcomeKind.REVERSED: "magenta",
    OutcomeKind.REFUSED: "yellow",
    OutcomeKind.UNKNOWN_WALLET: "blue",
    OutcomeKind.SET_ASIDE: "red",
}


class Telling:
    """One run of the story."""

    def __init__(self, neighbours: Neighbours, handled: asyncio.Queue[Handled]) -> None:
        """Send through ``neighbours``; ``handled`` fills with what the service has decided."""
        self._neighbours = neighbours
        self._handled = handled

    async def tell_further(self) -> None:
        """Print what else happens, until cancelled."""
        while True:
            handled = await self._handled.get()
            line = Text(f"{INDENT}{handled.key or 'no usable id'}", "dim")
            console.print(line.append_text(outcome_text(handled)), soft_wrap=True)

    async def tell(self, steps: Sequence[Step]) -> bool:
        """Go through all steps; tell whether each came to what the story says."""
        results = [await self._step(number, step) for number, step in enumerate(steps, start=1)]
        return all(results)

    async def _step(self, number: int, step: Step) -> bool:
        console.print(Text(f"{number:>3}  {step.title}", "bold"), soft_wrap=True)
        line = Text(f"{INDENT}{step.subject.value}", "dim")
        try:
            async with asyncio.timeout(STEP_TIMEOUT_S):
                await self._neighbours.send(step.subject, step.body)
                for expected in step.expected:
                    line.append_text(await self._outcome(expected))
                if step.answer is not None:
                    line.append_text(await self._answer(step))
        except TimeoutError:
            line.append(f" ✗ not within {STEP_TIMEOUT_S:g} s", "bold red")
            console.print(line, soft_wrap=True)
            return False
        console.print(line, soft_wrap=True)
        return True

    async def _outcome(self, expected: Expected) -> Text:
        """Wait until an event ends as the story says; one that waits in a retry queue ends several times."""
        while True:
            handled = await self._handled.get()
            if (handled.key, handled.outcome.kind) == (expected.key, expected.outcome):
                return outcome_text(handled)

    async def _answer(self, step: Step) -> Text:
        """Wait for the answer that the transactions service reads."""
        key = step.expected[-1].key
        while True:
            answer = orjson.loads(await self._neighbours.next_answer())
            if (answer["transactionId"], answer["status"]) == (key, step.answer):
                return Text(f" → answered {answer['status']}", "dim")


def outcome_text(handled: Handled) -> Text:
    """Write how an event ended, in its colour."""
    kind = handled.outcome.kind
    text = Text(" → ", "dim").append(kind.value, STYLES.get(kind, "default"))
    if kind is OutcomeKind.SET_ASIDE and handled.outcome.dead_letter is not None:
        text.append(f" ({handled.outcome.dead_letter.value})")
    elif kind is OutcomeKind.REFUSED:
        text.append(f" ({handled.outcome.reason})")
    return text
