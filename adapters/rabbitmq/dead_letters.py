"""What waits for a person in ``wallet.dead-letter.q``: look, send back, throw away; no interruption loses a letter.

Nobody consumes that queue, so letters are fetched one by one and stay unacked while we work. Looking gives all of
them back when the channel closes: in their order, marked as redelivered by the broker, which nothing here reads.
Replaying publishes a letter to the queue it came from and acks it after the broker's confirm; killed in between, it
is in both queues, and its transaction id makes the second time harmless. While one person looks, another sees fewer
letters.

A letter is called by the id that we gave it when it was set aside. What somebody else has put there, with no id or one
that we do not write, is called by the hash of its body. If it was the broker (the delivery limit of an operator's own
queue), it says from where and why, and it can be replayed like ours; anything else can be shown and discarded only:
there is no queue that it came from.

A ``reversal_shortfall`` of ours is not thrown away: its record names it as the one that says that money is owed, so no
later ``failed`` would put another in its place. Once that is settled, a replay takes it away.

Bounds: the letters that are there when the call begins, and none that comes in later: a letter that fails again at
once is not replayed in a circle. All that are looked at are held unacked at the broker, and here one at a time; a list
is of at most ``messages_max``, and cuts each body to BODY_LISTED_MAX.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.common import FieldValue

from adapters.rabbitmq.codec import (
    DETAIL_HEADER,
    REASON_HEADER,
    SOURCE_QUEUE_HEADER,
    Provenance,
    dead_letter_id_of,
    provenance_of,
    replay_properties,
)
from adapters.rabbitmq.confirms import ConfirmedChannel, Publication
from adapters.rabbitmq.connection import answer_within, close_quietly, connected
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE, INPUT_QUEUES, shared_queue
from adapters.rabbitmq.wave import Outgoing
from wallet_core.commands import DeadLetterReason

BODY_LISTED_MAX = 4_096
"""Most bytes of a body in a list; ``show`` gives all of it."""

ANSWER_TIMEOUT_S = 10.0
"""Longest wait for one answer of the broker, seconds; a person sits in front of it."""

BROKER_SOURCE_HEADER, BROKER_REASON_HEADER = "x-first-death-queue", "x-first-death-reason"
"""What the broker writes when it dead-letters a message itself: the delivery limit of an operator's own queue."""

_SOURCES = frozenset(queue.name for queue in INPUT_QUEUES)


@dataclass(frozen=True, slots=True)
class DeadLetterMessage:
    """One letter. ``reason`` and ``detail`` are empty, and ``source_queue`` is None, when it is not one of ours."""

    id: str
    reason: str
    detail: str
    source_queue: str | None
    routing_key: str
    first_seen_at: datetime
    attempts: int
    replayed: int
    message_id: str | None
    body_bytes: int
    body: bytes = field(repr=False)

    @property
    def is_due(self) -> bool:
        """Tell whether it says that a reversal is due. One that cannot be replayed was not written by us."""
        return self.reason == DeadLetterReason.REVERSAL_SHORTFALL and self.source_queue is not None


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay did: sent back; left because it is not one of ours; left because the broker did not take it."""

    replayed: int
    skipped: int
    failed: int


@dataclass(frozen=True, slots=True)
class Discard:
    """What a discard did: thrown away; kept because their reversal is due, or may be."""

    discarded: int
    kept: int


Selection = Callable[[DeadLetterMessage], bool]


class DeadLetters:
    """The dead-letter queue of one broker, through an open connection; see ``dead_letters``."""

    def __init__(self, connection: AbstractConnection) -> None:
        """Use ``connection``; every call opens a channel of its own."""
        self._connection = connection

    async def list(self, messages_max: int = 100) -> tuple[DeadLetterMessage, ...]:
        """Look at the oldest letters; all stay where they are. Raises one of BROKER_ERRORS, as every call here."""
        async with aclosing(self._walk(messages_max)) as letters:
            return tuple([_letter(received, BODY_LISTED_MAX) async for _, received in letters])

    async def show(self, letter_id: str) -> DeadLetterMessage | None:
        """Look at one letter with its whole body; None when it is not there."""
        async with aclosing(self._walk()) as letters:
            async for _, received in letters:
                letter = _letter(received)
                if letter.id == letter_id:
                    return letter
        return None

    async def replay(self, selected: Selection, messages_max: int | None = None) -> Replay:
        """Send each selected letter back to the queue it came from, its attempts forgotten."""
        replayed = skipped = failed = 0
        publishing = ConfirmedChannel(lambda: self._connection)
        async with aclosing(self._walk(messages_max)) as letters:
            async for channel, received in letters:
                letter = _letter(received)
                if not selected(letter):
                    continue
                if letter.source_queue is None:
                    skipped += 1
                    continue
                (publication,) = await publishing.publish_many([_replayed(received, letter.source_queue)])
                if publication is not Publication.CONFIRMED:
                    failed += 1
                    continue
                await _ack(channel, received)
                replayed += 1
        await publishing.close()
        return Replay(replayed, skipped, failed)

    async def discard(self, selected: Selection, messages_max: int | None = None) -> Discard:
        """Throw each selected letter away for ever, but none that says that a reversal is due."""
        discarded = kept = 0
        async with aclosing(self._walk(messages_max)) as letters:
            async for channel, received in letters:
                letter = _letter(received)
                if not selected(letter):
                    continue
                if letter.is_due:
                    kept += 1
                    continue
                await _ack(channel, received)
                discarded += 1
        return Discard(discarded, kept)

    async def _walk(
        self, messages_max: int | None = None
    ) -> AsyncGenerator[tuple[UnderlayChannel, DeliveredMessage], None]:
        """Fetch the letters that are there now, oldest first; those that are not acked meanwhile return at the end."""
        channel = self._connection.channel(publisher_confirms=False, on_return_raises=False)
        async with answer_within(ANSWER_TIMEOUT_S):
            await channel.initialize()
            underlay = await channel.get_underlay_channel()
        try:
            async with answer_within(ANSWER_TIMEOUT_S):
                queue = await underlay.queue_declare(DEAD_LETTER_QUEUE, passive=True)
            there = queue.message_count or 0
            for _ in range(there if messages_max is None else min(there, messages_max)):
                async with answer_within(ANSWER_TIMEOUT_S):
                    received = await underlay.basic_get(DEAD_LETTER_QUEUE, no_ack=False)
                if isinstance(received.delivery, Basic.GetEmpty):
                    return
                yield underlay, received
        except ChannelNotFoundEntity:
            return
        finally:
            if not channel.is_closed:
                await close_quietly(channel.close, "channel of the dead letters")


@asynccontextmanager
async def dead_letters(url: str) -> AsyncIterator[DeadLetters]:
    """Open the dead letters of a broker. Raises one of BROKER_ERRORS when it is away."""
    async with connected(url, "dead letters") as connection:
        yield DeadLetters(connection)


def _letter(received: DeliveredMessage, body_max: int | None = None) -> DeadLetterMessage:
    headers = received.header.properties.headers or {}
    source_queue = headers.get(SOURCE_QUEUE_HEADER) or headers.get(BROKER_SOURCE_HEADER)
    provenance = _provenance(received, shared_queue(_text(source_queue)))
    return DeadLetterMessage(
        id=dead_letter_id_of(headers) or f"body-{sha256(received.body).hexdigest()[:32]}",
        reason=_text(headers.get(REASON_HEADER) or headers.get(BROKER_REASON_HEADER)),
        detail=_text(headers.get(DETAIL_HEADER)),
        source_queue=provenance.source_queue if provenance.source_queue in _SOURCES else None,
        routing_key=provenance.routing_key,
        first_seen_at=provenance.first_seen_at,
        attempts=provenance.attempts,
        replayed=provenance.replayed,
        message_id=received.header.properties.message_id,
        body_bytes=len(received.body),
        body=received.body[:body_max],
    )


def _provenance(received: DeliveredMessage, source_queue: str) -> Provenance:
    headers = received.header.properties.headers
    return provenance_of(headers, source_queue, received.routing_key or "", datetime.now(UTC))


def _replayed(received: DeliveredMessage, source_queue: str) -> Outgoing:
    properties = replay_properties(received.header.properties, _provenance(received, source_queue))
    return Outgoing("", source_queue, received.body, properties)


def _text(value: FieldValue) -> str:
    return value if isinstance(value, str) else ""


async def _ack(channel: UnderlayChannel, received: DeliveredMessage) -> None:
    if received.delivery_tag is not None:
        await channel.basic_ack(received.delivery_tag, multiple=False)
