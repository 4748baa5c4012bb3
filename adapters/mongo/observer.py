"""Who wants to know how the database is doing: a port of this adapter, for metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from adapters.mongo.steps import StoreStep


class StoreObserver(Protocol):
    """Is told what happens. Called on the event loop, often: it must be quick and must not raise."""

    def statement_ended(self, operation: str, collection: str, duration_s: float) -> None:
        """Count a statement: find, insert, update, delete, aggregate or commit, successful or not."""
        ...

    def race_lost(self) -> None:
        """Count a unit of work that lost a race."""
        ...

    def connection_lost(self) -> None:
        """Count a unit of work that lost its connection before the commit."""
        ...

    def commit_repeated(self) -> None:
        """Count a commit whose result was unknown, and that is sent again."""
        ...

    def reached(self, step: StoreStep, ids: Iterable[str | None] = (), about: str = "") -> None:
        """Hear that a step is done: with which transaction ids, and about which collection or index."""
        ...


class NobodyObserves:
    """A StoreObserver that takes no notice."""

    def statement_ended(self, operation: str, collection: str, duration_s: float) -> None:
        """Take no notice."""

    def race_lost(self) -> None:
        """Take no notice."""

    def connection_lost(self) -> None:
        """Take no notice."""

    def commit_repeated(self) -> None:
        """Take no notice."""

    def reached(self, step: StoreStep, ids: Iterable[str | None] = (), about: str = "") -> None:
        """Take no notice."""
