"""The read side: a wallet's balance, and a statement of its entries page by page.

A cursor is the sequence of the last row shown. Sequences are gapless and entries are never changed, so a cursor neither
repeats nor skips a row while money moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wallet_core.ledger import Entry
from wallet_core.ports import Reader, StatementQuery
from wallet_core.wallet import Wallet

STATEMENT_ROWS_MAX = 200
"""Most rows of one page."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One page of a wallet's entries, newest first. ``next_cursor`` is None on the last page."""

    entries: Sequence[Entry]
    next_cursor: int | None


async def balance(reader: Reader, user_id: str) -> Wallet | None:
    """Give a user's wallet, None when there is none that may be used. Raises StoreUnavailable."""
    return await reader.wallet_of(user_id)


async def statement(reader: Reader, query: StatementQuery) -> Statement | None:
    """
    Give one page of at most ``query.limit`` rows (1 to 200); None when the user has no wallet.

    Raises StoreUnavailable, and ValueError for another limit.
    """
    _check(query)
    wallet = await balance(reader, query.user_id)
    return None if wallet is None else await statement_of(reader, wallet, query)


async def statement_of(reader: Reader, wallet: Wallet, query: StatementQuery) -> Statement:
    """
    Give a page as ``statement`` does, of a wallet that has been read: its entries as of that version.

    Raises StoreUnavailable, and ValueError for another limit.
    """
    _check(query)
    entries = await reader.entries(wallet, replace(query, limit=query.limit + 1))
    page = entries[: query.limit]
    return Statement(page, page[-1].sequence if len(entries) > query.limit else None)


def _check(query: StatementQuery) -> None:
    if not 1 <= query.limit <= STATEMENT_ROWS_MAX:
        msg = f"a page has 1 to {STATEMENT_ROWS_MAX} rows, not {query.limit}"
        raise ValueError(msg)
