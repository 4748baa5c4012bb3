"""Stories told by a test: these events at these times, and nothing goes wrong by chance."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from tests.scenario import USD, Event
from tests.simulation.choices import Choices
from tests.simulation.database import Isolation
from tests.simulation.simulation import Run, run
from tests.simulation.story import Misfortune, Story
from tests.simulation.workload import Sent, Temper
from wallet_core import Policy


def calm_run(told: Mapping[int, tuple[Event, ...]], *misfortunes: Misfortune, batch_max: int = 10) -> Run:
    """Tell one process events, by the time in ms at which they are sent; all choices are the tame ones."""
    events = [(at_ms, event) for at_ms, events in sorted(told.items()) for event in events]
    story = Story(
        seed=0,
        temper=Temper.HOSTILE,
        isolation=Isolation.SERIALIZABLE,
        processes=1,
        batch_max=batch_max,
        skews_s=(0,),
        policy=Policy(USD),
        likelihoods={},
        sent=tuple(
            Sent(number, at_ms, event.subject, event.message) for number, (at_ms, event) in enumerate(events, start=1)
        ),
        misfortunes=misfortunes,
    )
    return run(story, Choices(Random(0), {}))  # noqa: S311 - nothing is drawn from it
