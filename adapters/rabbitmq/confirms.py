"""Publish and know: every message persistent, mandatory and confirmed, and for each one value that says how it ended.

Shape: messages go out in waves of at most IN_FLIGHT_MAX; a wave ends when all its confirms are here or
CONFIRM_TIMEOUT_S is over. After a timeout or an error the channel is not used again: what is in flight on it has no
known end, and a late answer could be taken for that of another message. The first wave that does not end well ends
the call: the rest is UNKNOWN without a try.

Two messages of one id are never in flight together: the library finds a returned message by its id, and would mix
them up. One call at a time per channel (a lock), and equal ids of one call go into different waves.

How a wave is written, on the channel below aio-pika, is in ``wave.py``; here is how each message of it ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from functools import partial
from typing import cast

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, DeliveryError, PublishError
from aiormq.channel import Channel
from structlog.typing import FilteringBoundLogger

from adapters.rabbitmq.connection import BROKER_ERRORS, answer_within, close_quietly, described
from adapters.rabbitmq.wave import Confirmation, Outgoing, Wave

IN_FLIGHT_MAX = 500
"""Most messages without a confirm yet: a sixth of a batch. More in flight gain nothing in our measurements."""

CONFIRM_TIMEOUT_S = 5.0
"""
Longest wait for the confirms of one wave, seconds. A busy broker needs a tenth of a second; the relay's lease lasts
15.
"""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class Publication(Enum):
    """How one publish ended. Only CONFIRMED means that the broker is responsible now."""

    CONFIRMED = auto()
    UNROUTABLE = auto()  # no queue, or not even an exchange, takes it
    REFUSED = auto()  # the broker said no (a full queue, for example), or it cannot be written to a frame
    UNKNOWN = auto()  # no connection, or no answer in time: it may be there or not


class ConfirmedChannel:
    """
    A channel with confirms on whatever connection there is at the moment.

    ``connection`` gives the connection that is up, or None; then every publish is UNKNOWN at once.
    """

    def __init__(
        self, connection: Callable[[], AbstractConnection | None], on_silence: Callable[[], None] | None = None
    ) -> None:
        """Open nothing yet. ``on_silence`` hears that the broker has not answered in time."""
        self._connection = connection
        self._on_silence = on_silence
        self._owner: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._underlay: Channel | None = None
        self._lock = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def publish_many(
        self, messages: Sequence[Outgoing], on_sent: Callable[[Sequence[int]], None] | None = None
    ) -> list[Publication]:
        """
        Publish all, and say for each, in order, how it ended. Raises nothing of the broker's.

        ``on_sent`` hears the positions of each wave once all of it has been written to the connection.
        """
        publications = [Publication.UNKNOWN] * len(messages)
        async with self._lock:
            for wave in waves([message.properties.message_id for message in messages]):
                channel = await self._open_channel()
                if channel is None:
                    break
                ended = await self._publish_wave(
                    channel, [messages[position] for position in wave], partial(on_sent, wave) if on_sent else None
                )
                for position, publication in zip(wave, ended, strict=True):
                    publications[position] = publication
                if Publication.UNKNOWN in ended:
                    break
        return publications

    async def close(self) -> None:
        """Close the channel; the next publish opens another."""
        self._discard()
        if self._closing:
            await asyncio.wait(self._closing)

    async def _open_channel(self) -> Channel | None:
        connection = self._connection()
        if connection is not self._owner or self._underlay is None or self._underlay.is_closed:
            self._discard()
        if connection is None or self._underlay is not None:
            return self._underlay
        try:
            async with answer_within(CONFIRM_TIMEOUT_S):
                channel = connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.initialize()
                underlay = cast("Channel", await channel.get_underlay_channel())  # the one class there is
        except BROKER_ERRORS as error:
            _log.warning("rabbitmq_publish_channel_failed", error=described(error))
            self._tell_silence()
            return None
        self._owner, self._channel, self._underlay = connection, channel, underlay
        return underlay

    async def _publish_wave(
        self, channel: Channel, messages: Sequence[Outgoing], on_sent: Callable[[], None] | None
    ) -> list[Publication]:
        wave = Wave(channel, messages)
        broken = ""
        try:
            async with answer_within(CONFIRM_TIMEOUT_S):
                await wave.send()
                if on_sent is not None:
                    on_sent()
                await wave.confirmed()
        except BROKER_ERRORS as error:
            broken = described(error)
        finally:
            if not wave.end():
                self._discard()
                self._tell_silence()
        publications = [_publication(confirmation) for confirmation in wave.confirmations]
        _log_unconfirmed(wave, publications, broken)
        if Publication.UNKNOWN in publications:
            self._discard()
        return publications

    def _tell_silence(self) -> None:
        if self._on_silence is not None:
            self._on_silence()

    def _discard(self) -> None:
        """Never use this channel again; say goodbye to it behind our back."""
        channel, self._channel, self._underlay, self._owner = self._channel, None, None, None
        if channel is None or channel.is_closed:
            return
        closing = asyncio.ensure_future(close_quietly(channel.close, "publish channel"))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def waves(message_ids: Sequence[str | None]) -> Iterator[list[int]]:
    """Deal the positions out, in order, so that no wave is longer than IN_FLIGHT_MAX or holds an id twice."""
    waiting = list(range(len(message_ids)))
    while waiting:
        wave: list[int] = []
        later: list[int] = []
        ids: set[str] = set()
        for position in waiting:
            message_id = message_ids[position]
            if len(wave) == IN_FLIGHT_MAX or message_id in ids:
                later.append(position)
                continue
            wave.append(position)
            if message_id:
                ids.add(message_id)
        yield wave
        waiting = later


def _publication(confirmation: Confirmation) -> Publication:
    if confirmation.is_confirmed:
        return Publication.CONFIRMED
    error = confirmation.error
    if error is None:
        return Publication.UNKNOWN
    if isinstance(error, PublishError | ChannelNotFoundEntity):
        return Publication.UNROUTABLE
    if isinstance(error, DeliveryError):
        return Publication.REFUSED
    if isinstance(error, (*BROKER_ERRORS, asyncio.CancelledError)):  # the library's own, when it closes the channel
        return Publication.UNKNOWN
    # Decision: a message that cannot even be written to a frame is that message's own fault; the others go on.
    _log.error("rabbitmq_publish_failed", error=described(error))
    return Publication.REFUSED


def _log_unconfirmed(wave: Wave, publications: Sequence[Publication], broken: str) -> None:
    """Say in one line how many of a wave the broker has not taken, and of the first of them why."""
    positions = [at for at, publication in enumerate(publications) if publication is not Publication.CONFIRMED]
    if not positions:
        return
    first = positions[0]
    message, confirmation = wave.messages[first], wave.confirmations[first]
    error = confirmation.error
    _log.warning(
        "publications_unconfirmed",
        count=len(positions),
        of=len(publications),
        routing_key=message.routing_key,
        first_message_id=message.properties.message_id,
        outcome=publications[first].name.lower(),
        error=broken if error is None else described(error),
    )
