"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime

from wallet_core.ledger import to_milliseconds


class SystemClock:
    """The Clock of a running service."""

    def now(self) -> datetime:
        """Give the current instant in UTC, cut to milliseconds."""
        return to_milliseconds(datetime.now(UTC))
