"""Write wallets and statements as JSON: amounts as exact numbers in major units with all decimals, instants in UTC.

Amounts never pass through a float: their digits are put into the JSON text as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from wallet_core.ledger import Entry
from wallet_core.money import Currency
from wallet_core.queries import Statement
from wallet_core.wallet import Wallet

_SECONDS_END = len('"2025-01-15T12:45:30')
_MILLISECONDS_END = len('"2025-01-15T12:45:30.123')


def wallet_json(wallet: Wallet, currency: Currency) -> bytes:
    """Write the contract's wallet, with ``currency`` and ``version`` as extras."""
    return orjson.dumps(
        {
            "id": wallet.id,
            "userId": wallet.user_id,
            "balance": exact_number(wallet.balance_minor, currency.exponent),
            "createdAt": exact_instant(wallet.opened_at),
            "updatedAt": exact_instant(wallet.changed_at),
            "currency": wallet.currency,
            "version": wallet.version,
        }
    )


def statement_json(statement: Statement, currency: Currency) -> bytes:
    """Write one page of a statement. The cursor is text, so that its form may change without breaking a client."""
    cursor = statement.next_cursor
    return orjson.dumps(
        {
            "transactions": _rows(statement.entries, currency.exponent),
            "nextCursor": None if cursor is None else str(cursor),
        }
    )


def exact_number(amount_minor: int, exponent: int) -> orjson.Fragment:
    """Write minor units as a JSON number of major units with all ``exponent`` decimals: 15000 with 2 is ``150.00``."""
    if exponent == 0:
        return orjson.Fragment(str(amount_minor))
    digits = str(abs(amount_minor)).rjust(exponent + 1, "0")
    sign = "-" if amount_minor < 0 else ""
    return orjson.Fragment(f"{sign}{digits[:-exponent]}.{digits[-exponent:]}")


def exact_instant(instant: datetime) -> orjson.Fragment:
    """
    Write an instant as ``fields.iso_milliseconds`` does, as JSON and three times as fast: a statement has 50 of them.

    The library writes ``"2025-01-15T12:45:30.123000+00:00"``, and no fraction where there is none.
    """
    written = orjson.dumps(instant.astimezone(UTC))
    if instant.microsecond:
        return orjson.Fragment(written[:_MILLISECONDS_END] + b'Z"')
    return orjson.Fragment(written[:_SECONDS_END] + b'.000Z"')


def _rows(entries: Sequence[Entry], exponent: int) -> list[dict[str, object]]:
    return [_row(entry, exponent) for entry in entries]


def _row(entry: Entry, exponent: int) -> dict[str, object]:
    row: dict[str, object] = {
        "id": f"{entry.wallet_id}-{entry.sequence}",
        "transactionId": entry.transaction_id,
        "type": entry.kind,
        "direction": entry.direction,
        "amount": exact_number(entry.amount_minor, exponent),
        "balanceAfter": exact_number(entry.balance_after_minor, exponent),
        "counterpartyId": entry.counterparty_id,
        "createdAt": exact_instant(entry.recorded_at),
    }
    if entry.description is not None:
        row["description"] = entry.description
    return row
