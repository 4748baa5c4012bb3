"""A wave: messages that are published together, in one write, and confirmed each by itself.

``Channel.basic_publish`` of the client library costs a task, two futures and a write for each message: two thirds of
what a publish costs us. This does what it does, on the same public attributes of the channel, for many messages at
once, with one future for all of them. Nothing is kept here: how each message ended is for ``confirms.py`` to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.frame import marshal
from pamqp.header import ContentHeader


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish. ``properties`` must ask for persistence; a message id is given to one that has none."""

    exchange: str
    routing_key: str
    body: bytes
    properties: Basic.Properties


class Confirmation:
    """
    How a message ends: with a confirm, with an ``error`` of the client library, or not at all: then nobody knows.

    It stands where the library keeps a future for each message, and has of one what the library calls. Four callbacks
    and a place in two sets of futures cost more than the message itself.
    """

    __slots__ = ("_is_given_up", "_on_end", "error", "is_confirmed")

    def __init__(self, on_end: Callable[[], None]) -> None:
        """Be open; ``on_end`` hears of the end, unless it is given up before."""
        self._on_end = on_end
        self._is_given_up = False
        self.is_confirmed = False
        self.error: BaseException | None = None

    def done(self) -> bool:
        """Tell whether it has ended, or is given up."""
        return self.is_confirmed or self.error is not None or self._is_given_up

    def cancelled(self) -> bool:
        """Tell whether nobody waits for it any more; the library does not warn of an answer that is late then."""
        return self._is_given_up

    def set_result(self, _: object) -> None:
        """End well: the broker has taken it."""
        if not self.done():
            self.is_confirmed = True
            self._on_end()

    def set_exception(self, error: BaseException) -> None:
        """End badly: it has come back, was refused, or could not be sent."""
        if not self.done():
            self.error = error
            self._on_end()

    def give_up(self) -> None:
        """
        Wait no longer: an answer that comes now changes nothing, and nobody hears of it.

        So the wave and its messages are no longer held in a circle, and are freed before Python looks for circles.
        """
        self._is_given_up = not self.is_confirmed and self.error is None
        self._on_end = _nobody_waits


class Wave:
    """Messages on their way; ``send`` puts them there. No two may have the same message id."""

    def __init__(self, channel: Channel, messages: Sequence[Outgoing]) -> None:
        """Take the messages; nothing is sent yet."""
        self._channel = channel
        self.messages = messages
        on_end = self._ended
        self.confirmations = [Confirmation(on_end) for _ in messages]
        self._open = len(messages)
        self._all_ended = channel.create_future()  # the channel ends it with an error when it is closed

    async def send(self) -> None:
        """
        Write all messages to the connection.

        One that cannot be written to a frame has its error as its end, and is not sent. Raises what the client library
        raises; then, and after a cancellation, the channel must not be used again: its count of messages may be wrong.
        """
        channel = self._channel
        async with channel.lock:
            written = channel.create_future()
            payload = b"".join(self._frames())
            await channel.write_queue.put(ChannelFrame(payload, should_close=False, drain_future=written))
            await written

    async def confirmed(self) -> None:
        """Wait until all messages have ended; a channel that is closed meanwhile ends them with its error."""
        await asyncio.wait({self._all_ended})
        error = self._all_ended.exception()
        for confirmation in self.confirmations:
            if error is not None and not confirmation.done():
                confirmation.set_exception(error)

    def end(self) -> bool:
        """Wait for nothing more; tell whether each message has ended by itself, so that the channel is as new."""
        self._all_ended.cancel()
        have_ended = all(confirmation.done() for confirmation in self.confirmations)
        for message, confirmation in zip(self.messages, self.confirmations, strict=True):
            self._channel.message_id_delivery_tag.pop(message.properties.message_id or "", None)
            confirmation.give_up()
        return have_ended

    def _ended(self) -> None:
        self._open -= 1
        if not self._open and not self._all_ended.done():
            self._all_ended.set_result(None)

    def _frames(self) -> Iterator[bytes]:
        """Give the frames of each message, and have the channel expect its confirm."""
        channel = self._channel
        publishes: dict[tuple[str, str], bytes] = {}
        for message, confirmation in zip(self.messages, self.confirmations, strict=True):
            way, properties = (message.exchange, message.routing_key), message.properties
            properties.message_id = properties.message_id or uuid4().hex
            try:
                publish = publishes.get(way) or publishes.setdefault(way, _publish_frame(channel, *way))
                content = b"".join(_content_frames(channel, message))
            except Exception as error:  # noqa: BLE001 - decision: whatever it is, it is the end of this message alone
                confirmation.set_exception(error)
                continue
            channel.delivery_tag += 1
            channel.confirmations[channel.delivery_tag] = cast("asyncio.Future[object]", confirmation)
            channel.message_id_delivery_tag[properties.message_id] = channel.delivery_tag
            yield publish
            yield content


def _nobody_waits() -> None:
    """Hear of an end that nobody waits for."""


def _publish_frame(channel: Channel, exchange: str, routing_key: str) -> bytes:
    return marshal(Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True), channel.number)


def _content_frames(channel: Channel, message: Outgoing) -> Iterator[bytes]:
    body, size_max = message.body, channel.max_content_size
    yield marshal(ContentHeader(properties=message.properties, body_size=len(body)), channel.number)
    for start in range(0, len(body), size_max):
        yield marshal(ContentBody(body[start : start + size_max]), channel.number)
