"""Which acks to send on a channel, so that none says more than is true.

The prefix rule: ``multiple`` acks everything up to its tag, so it is used only when every lower tag of that channel
is settled. What is settled behind a hole is acked one by one; when the hole closes, the tags behind it need no second
ack (the broker closes the channel on an unknown tag).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One ``basic.ack``. ``multiple``: everything up to ``tag``."""

    tag: int
    multiple: bool


class Unsettled:
    """The deliveries of one channel that are not settled yet. Bounded by the channel's prefetch."""

    def __init__(self) -> None:
        """Start with none."""
        self._order: deque[int] = deque()
        self._unsettled: set[int] = set()
        self._acked_behind: set[int] = set()

    def __len__(self) -> int:
        """Count them."""
        return len(self._unsettled)

    def arrived(self, tag: int) -> None:
        """Take in a delivery. Tags of a channel come in rising order."""
        self._order.append(tag)
        self._unsettled.add(tag)

    def settle(self, tags: Collection[int]) -> list[Acknowledgement]:
        """Mark as settled, and give the acks to send now, in order. Tags that are unknown or settled are left out."""
        fresh = self._unsettled.intersection(tags)
        self._unsettled -= fresh
        prefix = self._take_prefix()
        acks: list[Acknowledgement] = []
        if prefix:
            acks.append(Acknowledgement(prefix[-1], multiple=len(prefix) > 1))
        behind = sorted(fresh.difference(prefix))
        self._acked_behind.update(behind)
        return acks + [Acknowledgement(tag, multiple=False) for tag in behind]

    def _take_prefix(self) -> list[int]:
        """Remove the settled front; give those of it that no ack has named yet."""
        prefix: list[int] = []
        while self._order and self._order[0] not in self._unsettled:
            tag = self._order.popleft()
            if tag in self._acked_behind:
                self._acked_behind.remove(tag)
            else:
                prefix.append(tag)
        return prefix
