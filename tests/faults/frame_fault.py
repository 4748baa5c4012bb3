"""Faults at the n-th AMQP frame of a kind: the connection is cut instead of passing it on, or it is passed on twice.

::

    Kind.PUBLISH   to the broker: method, header and body of each publication, so three frames for one
    Kind.CONFIRM   from the broker: what it has taken
    Kind.DELIVER   from the broker: method, header and body of each delivery
    Kind.ACK       to the broker: what the service has settled

Give ``FrameFault().inspector`` to a proxy before anything connects through it: frames are told apart from the first
byte of a connection on. One fault is armed at a time; other frames pass untouched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from tests.tcp_proxy import Direction, Inspector, Passage

PROTOCOL_HEADER_BYTES = 8
"""What a client says before its first frame (AMQP 0-9-1 section 4.2.2)."""

FRAME_HEADER_BYTES, FRAME_END_BYTES = 7, 1
METHOD, HEADER, BODY = 1, 2, 3
"""Section 2.3.5: type, channel and size, then the payload and its end; and the types of frames."""

BASIC = 60
"""The class of publications, deliveries and acks (section 1.8)."""


class Kind(Enum):
    """A direction, and the method of class basic that is looked for in it."""

    PUBLISH = (Direction.TO_SERVER, 40)
    CONFIRM = (Direction.TO_CLIENT, 80)
    DELIVER = (Direction.TO_CLIENT, 60)
    ACK = (Direction.TO_SERVER, 80)


@dataclass(slots=True)
class FrameFault:
    """What happens at which frame; ``happened`` is set when it has."""

    happened: asyncio.Event = field(default_factory=asyncio.Event)
    kind: Kind | None = None
    frames_left: int = 0
    is_cut: bool = True

    def cut_at(self, kind: Kind, number: int) -> None:
        """Cut the connection instead of passing on the ``number``-th frame of this kind from now on."""
        self.kind, self.frames_left, self.is_cut = kind, number, True
        self.happened.clear()

    def double(self, kind: Kind) -> None:
        """Pass the next frame of this kind on twice."""
        self.cut_at(kind, 1)
        self.is_cut = False

    def inspector(self, direction: Direction) -> Inspector:
        """Look at the frames of one direction of a connection."""
        return _Frames(self, direction)

    def meets(self, kind: Kind) -> bool:
        """Count a frame of this kind, and tell whether it is the one."""
        if kind is not self.kind:
            return False
        self.frames_left -= 1
        if self.frames_left:
            return False
        self.kind = None
        self.happened.set()
        return True


class _Frames:
    """The frames of one direction of one connection; what is not a whole frame yet waits for the rest."""

    def __init__(self, fault: FrameFault, direction: Direction) -> None:
        self._fault = fault
        self._kinds = {kind.value[1]: kind for kind in Kind if kind.value[0] is direction}
        self._rest = b""
        self._preamble_bytes = PROTOCOL_HEADER_BYTES if direction is Direction.TO_SERVER else 0
        self._content: dict[int, Kind] = {}

    def take(self, chunk: bytes) -> Passage:
        """Pass on whole frames, up to the one that the fault is armed for."""
        passed = bytearray()
        for frame in self._frames(chunk):
            kind = self._kind(frame)
            if kind is None or not self._fault.meets(kind):
                passed += frame
            elif self._fault.is_cut:
                return Passage(bytes(passed), then_cut=True)
            else:
                passed += frame * 2
        return Passage(bytes(passed))

    def _frames(self, chunk: bytes) -> Iterator[bytes]:
        rest = self._rest + chunk
        while (length := self._length(rest)) is not None:
            self._preamble_bytes = 0
            frame, rest = rest[:length], rest[length:]
            yield frame
        self._rest = rest

    def _length(self, rest: bytes) -> int | None:
        """Give the length of the first frame of these bytes; None while it is not here whole."""
        length = self._preamble_bytes
        if not length:
            if len(rest) < FRAME_HEADER_BYTES:
                return None
            length = FRAME_HEADER_BYTES + int.from_bytes(rest[3:FRAME_HEADER_BYTES], "big") + FRAME_END_BYTES
        return length if len(rest) >= length else None

    def _kind(self, frame: bytes) -> Kind | None:
        """Say what a frame is about. A header and a body belong to the method before them on their channel."""
        type_, channel = frame[0], int.from_bytes(frame[1:3], "big")
        if type_ == METHOD:
            class_, method = (int.from_bytes(frame[at : at + 2], "big") for at in (7, 9))
            kind = self._kinds.get(method) if class_ == BASIC else None
            self._content.pop(channel, None)
            if kind in {Kind.PUBLISH, Kind.DELIVER}:
                self._content[channel] = kind
            return kind
        return self._content.get(channel) if type_ in {HEADER, BODY} else None
