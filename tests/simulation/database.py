"""The database of a simulation: the books in memory, where several units of work are under way at once.

Between any two statements another process may go on, and races are lost. Each story has one of two isolations:

SERIALIZABLE    ``MemoryStore`` as it is: a unit of work is committed if nothing that it has read has changed. The order
                of the commits then explains everything, and the model is asked about each request
SNAPSHOT        as a MongoDB transaction: it reads one snapshot, taken when it begins, and is committed if nobody has
                changed what it *writes*. It may refuse for a lack of funds that has just ended; money is as safe
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.simulation.gate import Server
from tests.simulation.watch import Commit, Watch
from wallet_core import ConcurrentUpdate
from wallet_core.memory import MemoryStore
from wallet_core.memory.store import _Committed, _MemoryBooks
from wallet_core.ports import Clock


class Isolation(StrEnum):
    """What a unit of work sees of the others."""

    SERIALIZABLE = "serializable"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Begun:
    """A unit of work under way: what it writes, on top of what it sees (a snapshot, or what is committed by then)."""

    books: _MemoryBooks
    seen: _Committed


class SimulatedDatabase(MemoryStore):
    """The one database that all processes share. ``watch`` sees every commit."""

    def __init__(self, clock: Clock, server: Server, watch: Watch, isolation: Isolation) -> None:
        """Start with empty books."""
        super().__init__(clock)
        self._isolation = isolation
        self.server = server
        self.late_commits = 0
        self._watch = watch

    @property
    def waiting(self) -> int:
        """Count what is not done yet: rows of the outbox, and commits that nobody waits for."""
        return len(self._committed.outbox) + self.late_commits

    def begin(self) -> Begun:
        """Begin a unit of work."""
        live = self._committed
        if self._isolation is Isolation.SERIALIZABLE:
            return Begun(_MemoryBooks(live, self._clock), live)
        entries = {wallet_id: list(of_wallet) for wallet_id, of_wallet in live.entries.items()}
        snapshot = _Committed(dict(live.wallets), entries, dict(live.transactions), row_numbers=live.row_numbers)
        return Begun(_MemoryBooks(snapshot, self._clock), snapshot)

    def commit(self, begun: Begun, commit: Commit) -> None:
        """Make what was written visible, in one step. Raises ConcurrentUpdate if a race was lost."""
        self._check_unchanged(begun)
        live, books = self._committed, begun.books
        before = {id_: live.transactions.get(id_) for id_ in books.journal.written}
        live.wallets.update(books.wallets.written)
        live.transactions.update(books.journal.written)
        for entry in books.journal.appended:
            live.entries.setdefault(entry.wallet_id, []).append(entry)
        live.outbox.update(books.outbox.added)
        self._watch.committed(self, commit, before)

    def lease_holder(self) -> str | None:
        """Tell who has the relay's lease."""
        return self._lease[0] if self._lease is not None and self._lease[1] > self._clock.now() else None

    def _check_unchanged(self, begun: Begun) -> None:
        live, seen, books = self._committed, begun.seen, begun.books
        if books.has_read_what_changed():
            raise ConcurrentUpdate("something that was read has changed")
        for user_id in books.wallets.written:
            if live.wallets.get(user_id) is not seen.wallets.get(user_id):
                raise ConcurrentUpdate(f"the wallet of {user_id} has changed")
        for id_ in books.journal.written:
            if live.transactions.get(id_) is not seen.transactions.get(id_):
                raise ConcurrentUpdate(f"transaction {id_} has changed")
        for entry in books.journal.appended:
            if entry.sequence <= len(live.entries.get(entry.wallet_id, ())):
                raise ConcurrentUpdate(f"entry {entry.wallet_id}/{entry.sequence} is taken")
