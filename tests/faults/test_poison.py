"""Messages that nobody should send, amid a load of good ones (T08, T15)."""

from __future__ import annotations

import random

import pytest

from tests.e2e.hostile_messages import hostile_messages
from tests.faults.client import Outgoing
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.neighbour import body_of
from wallet_core import DeadLetterReason, Refuse, Subject

GARBAGE = 200
GARBAGE_BYTES_MAX = 2_000


def hostile(scene: Scene) -> list[Outgoing]:
    """Give the hostile list, and what must come of it."""
    messages = hostile_messages(*scene.load.users[:2])
    for message in messages:
        if isinstance(message.ends_as, DeadLetterReason):
            scene.load.dead_letters[message.ends_as.value] += 1
        elif isinstance(message.ends_as, Refuse):
            scene.load.failed.add(message.transaction_id)
    return [Outgoing(message.subject, message.body, message.sent_properties()) for message in messages]


def garbage(chance: random.Random) -> Outgoing:
    """Draw bytes that are no message."""
    subject = chance.choice((Subject.SIGNUP, Subject.COMPLETED, Subject.FAILED))
    return Outgoing(subject, b"\xff" + chance.randbytes(chance.randrange(GARBAGE_BYTES_MAX)))


@pytest.mark.quick
@pytest.mark.fault(
    "T08 T15",
    "poison: not JSON, wrong UTF-8, deep nesting, huge bodies, numbers, later versions ...",
    "the hostile list and 200 pieces of random bytes, shuffled into a load",
)
async def test_poison_costs_no_other_message_its_turn(stage: Stage) -> None:
    """Each piece is refused or set aside with its reason, and every good event is applied."""
    async with stage.scene() as scene:
        good = [Outgoing(event.subject, body_of(event)) for event in scene.load.mixed(200)]
        poison = [*hostile(scene), *(garbage(scene.chance) for _ in range(GARBAGE))]
        scene.load.dead_letters["no_usable_id"] += GARBAGE
        events = [*good, *poison]
        scene.chance.shuffle(events)

        await scene.client.send_outgoing(*events)
        await scene.rest()

        lines = scene.service.lines("event_dead_lettered")
        assert sum(scene.load.dead_letters.values()) <= len(lines)
