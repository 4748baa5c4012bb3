"""How the facts of a scene are gathered: the books by the plain driver, the queues by the broker's own tool."""

from __future__ import annotations

import json

from aio_pika.abc import AbstractConnection
from pamqp.commands import Basic

from adapters.rabbitmq.codec import REASON_HEADER
from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE
from tests.faults.facts import Facts, LetterFacts, ServiceLine
from tests.faults.scene import Scene

LETTERS_MAX = 100_000
"""Most dead letters that are read; more is a scenario that ran away."""


async def gather(scene: Scene) -> Facts:
    """Read everything. Nothing is changed: dead letters stay where they are."""
    async with connected(scene.servers.rabbitmq.url(scene.vhost), "evidence") as connection:
        letters = await read_letters(connection)
    return Facts(
        wallets=list(scene.books["wallets"].find()),
        entries=list(scene.books["entries"].find()),
        transactions=list(scene.books["transactions"].find()),
        outbox=list(scene.books["outbox"].find()),
        queues=await scene.queues(),
        letters=letters,
        sent=tuple(scene.history.sent),
        read=tuple(scene.history.read),
        lines=service_lines(scene),
        processes=await scene.process_facts(),
        secrets=scene.secrets(),
        loads=(scene.load,),
    )


async def read_letters(connection: AbstractConnection) -> list[LetterFacts]:
    """Look at all dead letters; they return to their queue when the channel closes."""
    channel = connection.channel(publisher_confirms=False)
    await channel.initialize(timeout=10)
    underlay = await channel.get_underlay_channel()
    letters: list[LetterFacts] = []
    while len(letters) < LETTERS_MAX:
        received = await underlay.basic_get(DEAD_LETTER_QUEUE, no_ack=False, timeout=10)
        if isinstance(received.delivery, Basic.GetEmpty):
            break
        properties = received.header.properties
        reason = str((properties.headers or {}).get(REASON_HEADER))
        letters.append(LetterFacts(reason, received.body.decode("utf-8", "replace"), properties.message_id))
    await channel.close()
    return letters


def service_lines(scene: Scene) -> list[ServiceLine]:
    """Read what the processes wrote themselves, in the order of time (one clock for all: they share the machine)."""
    lines: list[tuple[float, ServiceLine]] = []
    for file in scene.folder.glob("service-*.history"):
        for text in file.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            lines.append((line["monotonic_s"], ServiceLine(line["pid"], line["step"], tuple(line["ids"]))))
    return [line for _, line in sorted(lines, key=lambda timed: timed[0])]
