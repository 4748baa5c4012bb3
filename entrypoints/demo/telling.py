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

TITLE_WIDTH, SUBJECT_WIDTH = 54, 22
"""Columns that hold the longest title and routing key, and leave room for the outcome on a line of 120."""

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

    async def tell(self, steps: Sequence[Step]) -> bool:
        """Go through all steps; tell whether each came to what the story says."""
        results = [await self._step(number, step) for number, step in enumerate(steps, start=1)]
        return all(results)

    async def _step(self, number: int, step: Step) -> bool:
        line = Text(f"{number:>3}  {step.title:<{TITLE_WIDTH}}")
        line.append(f"{step.subject.value:<{SUBJECT_WIDTH}}", "dim")
        try:
            async with asyncio.timeout(STEP_TIMEOUT_S):
                await self._neighbours.send(step.subject, step.body)
                for expected in step.expected:
                    line.append_text(await self._outcome(expected))
                if step.answer is not None:
                    line.append_text(await self._answer(step))
        except TimeoutError:
            line.append(f"  ✗ not within {STEP_TIMEOUT_S:g} s", "bold red")
            console.print(line, soft_wrap=True)
            return False
        console.print(line, soft_wrap=True)
        return True

    async def _outcome(self, expected: Expected) -> Text:
        """Wait until an event ends as the story says; one that waits in a retry queue ends several times."""
        while True:
            handled = await self._handled.get()
            if (handled.key, handled.outcome.kind) == (expected.key, expected.outcome):
                return _outcome_text(handled)

    async def _answer(self, step: Step) -> Text:
        """Wait for the answer that the transactions service reads."""
        key = step.expected[-1].key
        while True:
            answer = orjson.loads(await self._neighbours.next_answer())
            if (answer["transactionId"], answer["status"]) == (key, step.answer):
                return Text(f"  → answered {answer['status']}", "dim")


def _outcome_text(handled: Handled) -> Text:
    kind = handled.outcome.kind
    text = Text(f"  {kind.value}", STYLES.get(kind, ""))
    if kind is OutcomeKind.SET_ASIDE and handled.outcome.dead_letter is not None:
        text.append(f" ({handled.outcome.dead_letter.value})")
    elif kind is OutcomeKind.REFUSED:
        text.append(f" ({handled.outcome.reason})")
    return text
