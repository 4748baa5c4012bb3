"""Hand a delivery over where it is read, without a task for each.

The client library starts a task for every message, because a consumer of its may wait; ours only appends to a deque.
The task, its wrapper and its two callbacks cost more than reading the message: a twentieth of all that an event costs.
So what the channel does with a delivery is replaced on the one channel that is given here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import structlog
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic
from pamqp.header import ContentHeader
from structlog.typing import FilteringBoundLogger

_log: FilteringBoundLogger = structlog.get_logger(__name__)

HANDLER = "_on_deliver_frame"
"""What aiormq 7.2 calls for each delivery. A test delivers a message, so a library that has renamed it is noticed."""


def deliver_directly(channel: Channel, take: Callable[[DeliveredMessage], None]) -> None:
    """Have every delivery of this channel given to ``take``. One that it raises about stays unacked, as in aiormq."""

    async def on_deliver(frame: Basic.Deliver) -> None:
        header = cast("ContentHeader", await channel._get_frame())  # noqa: SLF001 - as the method that this replaces
        message = await channel._read_content(frame, header)  # noqa: SLF001
        try:
            take(message)
        except Exception as error:  # noqa: BLE001 - decision: let through, it would end the channel, again and again
            _log.error("delivery_failed", routing_key=message.routing_key, exc_info=error)

    if not hasattr(channel, HANDLER):
        raise AttributeError(f"aiormq has no {HANDLER} any more: adapt direct_delivery.py to this version")
    setattr(channel, HANDLER, on_deliver)


async def nobody(_: DeliveredMessage) -> None:
    """Consume nothing: what the library is told to call, and never does."""
