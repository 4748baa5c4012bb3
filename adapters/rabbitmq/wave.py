"""A wave: messages that are published together, in one write, and confirmed each by itself.

``Channel.basic_publish`` of the client library costs a task, two futures and a write for each message: two thirds of
what a publish costs us. This does what it does, on the same public attributes of the channel, for many messages at
once. Nothing is kept here: how each message ended is for ``confirms.py`` to say.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from aiormq.abc import ChannelFrame, ConfirmationFrameType
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


Confirmation = Future[ConfirmationFrameType]
"""How a message ends: with a confirm, with an exception of the client library, or cancelled, when nobody knows."""


class Wave:
    """Messages on their way; ``send`` puts them there. No two may have the same message id."""

    def __init__(self, channel: Channel, messages: Sequence[Outgoing]) -> None:
        """Take the messages; nothing is sent yet."""
        self._channel = channel
        self.messages = messages
        self.confirmations: list[Confirmation] = [channel.create_future() for _ in messages]

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

    def end(self) -> bool:
        """Wait for nothing more; tell whether each message has ended by itself, so that the channel is as new."""
        for message in self.messages:
            self._channel.message_id_delivery_tag.pop(message.properties.message_id or "", None)
        return not [confirmation for confirmation in self.confirmations if confirmation.cancel()]

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
            channel.confirmations[channel.delivery_tag] = confirmation
            channel.message_id_delivery_tag[properties.message_id] = channel.delivery_tag
            yield publish
            yield content


def _publish_frame(channel: Channel, exchange: str, routing_key: str) -> bytes:
    return marshal(Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True), channel.number)


def _content_frames(channel: Channel, message: Outgoing) -> Iterator[bytes]:
    body, size_max = message.body, channel.max_content_size
    yield marshal(ContentHeader(properties=message.properties, body_size=len(body)), channel.number)
    for start in range(0, len(body), size_max):
        yield marshal(ContentBody(body[start : start + size_max]), channel.number)
