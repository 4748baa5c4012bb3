"""Ends the transactions that a killed process of ours has left open.

A process that dies, or is frozen, between two statements leaves its transaction open on the server, which holds the
wallets it has written until it ends it by itself: after 60 s by default. Until then every unit of work on one of these
wallets loses its race, and with it the batch it came in. So whoever keeps losing looks for such transactions and ends
them, as the server would. That is safe whoever it hits: a transaction that was not committed has no effect, and a
process that wakes up is told so and runs its unit of work again. Those of other deployments on the same server are not
ours: who has connected to another database is left alone.

Needs no right beyond those of the service's own user: everyone may see and end the sessions of the same user.
"""

from __future__ import annotations

import re
import time

import structlog
from pymongo.errors import PyMongoError
from structlog.typing import FilteringBoundLogger

from adapters.mongo.client import APPLICATION_NAME, BOOKS_MARK, Database
from adapters.mongo.fields import subdocument, subdocuments

IDLE_S = 5.0
"""How long a transaction of ours may have waited for its next statement. A batch of 3,000 waits a tenth of a second."""

LOOK_INTERVAL_S = 1.0
"""Least time between two looks of one process, seconds."""

SESSIONS_MAX = 100
"""Most sessions that one look ends; a process has one per unit of work, and there are few processes."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class AbandonedTransactions:
    """Looks for them on behalf of one process."""

    def __init__(self, database: Database) -> None:
        """Take the database; nothing is asked yet."""
        self._database = database
        self._look_due_at_s = float("-inf")

    async def end(self, idle_s: float | None = None) -> int:
        """
        End every transaction of ours that has been idle for longer than ``idle_s`` (IDLE_S); give how many there were.

        Decision: a server that refuses, or is away, is logged and not raised: the caller goes on trying anyway.
        """
        if time.monotonic() < self._look_due_at_s:
            return 0
        self._look_due_at_s = time.monotonic() + LOOK_INTERVAL_S
        try:
            return await self._end(IDLE_S if idle_s is None else idle_s)
        except PyMongoError as error:
            _log.warning("abandoned_transactions_unknown", error=type(error).__name__)
            return 0

    async def _end(self, idle_s: float) -> int:
        idle = {
            "type": "idleSession",
            "appName": APPLICATION_NAME,
            "clientMetadata.driver.name": {"$regex": rf"\|{re.escape(BOOKS_MARK + self._database.name)}(\||$)"},
            "transaction.timeInactiveMicros": {"$gt": int(idle_s * 1_000_000)},
        }
        current = {"allUsers": False, "idleSessions": True, "idleConnections": False}
        reply = await self._database.admin_command(
            {
                "aggregate": 1,
                "pipeline": [{"$currentOp": current}, {"$match": idle}, {"$limit": SESSIONS_MAX}],
                "cursor": {"batchSize": SESSIONS_MAX},
            }
        )
        found = subdocuments(subdocument(reply, "cursor"), "firstBatch")
        sessions = [{"id": subdocument(session, "lsid")["id"]} for session in found]
        if sessions:
            await self._database.admin_command({"killSessions": sessions})
            _log.warning("abandoned_transactions_ended", count=len(sessions))
        return len(sessions)
