"""Whether a signup that is missing may still be on its way (port ``LateSignups``; docs/events.md says why it matters).

It may, while ``wallet.user.q`` holds messages, while signups have arrived here that no batch has taken, in the first
60 s of our life, and whenever the broker cannot be asked. AMQP counts ready messages only: signups that another
process of ours has fetched and not settled are not seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.rabbitmq.arrivals import InputSession
from adapters.rabbitmq.connection import BROKER_ERRORS
from wallet_core.messages import Subject

YOUNG_S = 60.0
"""How long our own life is too young to know, seconds."""


class LateSignupWatch:
    """Answers for the consumer's current session. Made before the intake; the consumer tells it its sessions."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Our life begins now. ``monotonic_s`` gives seconds that never go back."""
        self._monotonic_s = monotonic_s
        self._born_at_s = monotonic_s()
        self._session: InputSession | None = None

    def watch(self, session: InputSession | None) -> None:
        """Ask through this session from now on; None: there is none."""
        self._session = session

    async def may_come(self) -> bool:
        """Tell whether signups wait in their queue or here, or we are too young or too cut off to know."""
        session = self._session
        if session is None or self._monotonic_s() - self._born_at_s < YOUNG_S:
            return True
        queue = session.queue_of(Subject.SIGNUP)
        try:
            # Asked twice on the very channel that delivers signups: what left the queue before the first answer has
            # come down this channel before the second, and shows in `holds`.
            for _ in range(2):
                ready, _ = await queue.look()
                if ready:
                    return True
        except BROKER_ERRORS:
            return True
        return session.holds(Subject.SIGNUP)
