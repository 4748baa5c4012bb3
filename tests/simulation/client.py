"""A client that reads through a process while all else goes on: what it sees is committed, and never goes back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from tests.simulation.database import SimulatedDatabase
from tests.simulation.faults import ANYWHERE, DONE_UNKNOWN
from tests.simulation.gate import Gate
from tests.simulation.scheduler import Scheduler
from tests.simulation.watch import Watch
from wallet_core import Entry, StoreUnavailable, Wallet, balance, statement
from wallet_core.ports import StatementQuery
from wallet_core.testing.strategies import USERS

CALL = (*ANYWHERE, *DONE_UNKNOWN)
EVERY_MS, PAUSE_MS = 2_500, 500
ROWS = 2
"""How often a client reads, how long it looks at a page, and how many rows that has."""


class ReaderPort:
    """One process's way to the read side: Reader, with faults."""

    def __init__(self, database: SimulatedDatabase, gate: Gate) -> None:
        """Lead through ``gate``."""
        self._database = database
        self._gate = gate

    async def wallet_of(self, user_id: str) -> Wallet | None:
        """Give a user's wallet."""
        return await self._gate.call("store.wallet_of", lambda: self._database.wallet_of(user_id), CALL, _no_news)

    async def entries(self, wallet: Wallet, query: StatementQuery) -> Sequence[Entry]:
        """Give a wallet's entries, newest first."""
        return await self._gate.call("store.entries", lambda: self._database.entries(wallet, query), CALL, _no_news)


class Client:
    """Reads one wallet after the other: its balance, and two pages of its statement with a pause between them."""

    def __init__(self, port: ReaderPort, scheduler: Scheduler, watch: Watch) -> None:
        """Read through ``port``; tell ``watch`` what was seen."""
        self._versions: dict[str, int] = {}
        self._port = port
        self._scheduler = scheduler
        self._watch = watch

    async def run(self) -> None:
        """Read for ever."""
        for user_id in cycle(USERS):
            await self._scheduler.pause(EVERY_MS)
            try:
                wallet = await balance(self._port, user_id)
                if wallet is not None:
                    self._see(wallet)
                    await self._read_pages(user_id)
            except StoreUnavailable:
                continue

    def _see(self, wallet: Wallet) -> None:
        """Remember the version: nothing that was seen is ever undone."""
        self._watch.read(wallet)
        if wallet.version < self._versions.get(wallet.user_id, 0):
            self._watch.blame("I12 sequence", f"a client saw {wallet.user_id} go back to version {wallet.version}")
        self._versions[wallet.user_id] = wallet.version

    async def _read_pages(self, user_id: str) -> None:
        """Read on where the first page ended, though money has moved meanwhile."""
        first = await statement(self._port, StatementQuery(user_id, ROWS))
        if first is None or first.next_cursor is None:
            return
        await self._scheduler.pause(PAUSE_MS)
        second = await statement(self._port, StatementQuery(user_id, ROWS, before_sequence=first.next_cursor))
        shown = [entry.sequence for page in (first, second) if page is not None for entry in page.entries]
        if shown != list(range(shown[0], shown[0] - len(shown), -1)):
            self._watch.blame("I12 sequence", f"two pages of {user_id} show the entries {shown}")


def _no_news(_: object) -> None:
    """Say nothing in the trace: only what goes wrong with a read is worth a line."""
