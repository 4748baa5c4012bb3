"""T07: a thousand events in a random order, to three processes: the end is the model's, and no wallet has a gap."""

from __future__ import annotations

from random import Random

import pytest

from tests.scenario import USD, transaction_id
from tests.simulation.choices import Choices
from tests.simulation.database import Isolation
from tests.simulation.faults import Fault
from tests.simulation.simulation import run
from tests.simulation.story import RICH_MINOR, Story
from tests.simulation.workload import Sent, Temper
from wallet_core import Policy, Vocabulary
from wallet_core.testing.facts import Completed, Fact, Failed, SignedUp
from wallet_core.testing.strategies import USERS

EVENTS = 1_000
SENT_WITHIN_MS = 10_000


def shuffled(random: Random) -> tuple[Sent, ...]:
    """Draw signups, transfers among all users, failures of a third of them, and duplicates of some, in any order."""
    facts: list[Fact] = list(map(SignedUp, USERS))
    number = 0
    while len(facts) < EVENTS:
        number += 1
        sender_id, recipient_id = random.sample(USERS, 2)
        vocabulary = random.choice(list(Vocabulary))
        amount_minor = random.randint(1, RICH_MINOR // EVENTS)
        facts.append(Completed(transaction_id(number), sender_id, recipient_id, amount_minor, vocabulary))
        facts += [Failed(transaction_id(number))] * (random.randrange(3) == 0)
        facts += [facts[-1]] * (random.randrange(5) == 0)
    random.shuffle(facts)
    events = [fact.event() for fact in facts]
    times = sorted(random.randrange(SENT_WITHIN_MS) for _ in events)
    return tuple(
        Sent(number, at_ms, event.subject, event.message)
        for number, (at_ms, event) in enumerate(zip(times, events, strict=True), start=1)
    )


@pytest.mark.parametrize("isolation", list(Isolation))
def test_the_order_of_a_thousand_events_does_not_matter(isolation: Isolation) -> None:
    """T07: with lost races and lost replies among three processes, balances are what was sent, sequences gapless."""
    random = Random(7)  # noqa: S311 - it must be foreseeable
    story = Story(
        seed=7,
        temper=Temper.RICH,
        isolation=isolation,
        processes=3,
        batch_max=10,
        skews_s=(0, 0, 0),
        policy=Policy(USD, opening_balance_minor=RICH_MINOR),
        likelihoods={Fault.REPLY_LOST: 0.01, Fault.FAILS: 0.005, Fault.SLOW: 0.005},
        sent=shuffled(random),
        misfortunes=(),
    )

    ended = run(story, Choices(random))

    assert () == ended.violations
    assert len(story.sent) >= EVENTS
    assert "lost a race" in ended.trace
