"""Consuming from a real broker, and whoever is asked there for late signups: old enough to know."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.rabbitmq.arrivals import InputSession
from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.late_signups import YOUNG_S, LateSignupWatch
from adapters.rabbitmq.topology import Topology


class Life:
    """A watch, and the clock of its life."""

    def __init__(self, session: InputSession) -> None:
        """Be born, watch a session, and live long enough to know."""
        self.now_s = 0.0
        self.watch = LateSignupWatch(lambda: self.now_s)
        self.watch.watch(session)
        self.now_s = YOUNG_S


@asynccontextmanager
async def input_session(url: str, prefetch: int) -> AsyncIterator[InputSession]:
    """Consume with this prefetch, and take nothing."""
    async with connected(url, "session") as connection:
        await Topology().declare(connection)
        session = InputSession()
        await session.open(connection, prefetch)
        yield session
        await session.close()
