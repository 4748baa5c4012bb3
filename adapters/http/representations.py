"""Write wallets and statements as JSON: amounts as exact numbers in major units with all decimals, instants in UTC.

Amounts never pass through a float: their digits are put into the JSON text as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import orjson

from wallet_core.ledger import Entry
from wallet_core.money import Currency
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


def page_json(rows: Iterable[bytes], next_cursor: int | None) -> bytes:
    """Write one page of a statement. The cursor is text, so that its form may change without breaking a client."""
    cursor = b"null" if next_cursor is None else b'"%d"' % next_cursor
    return b'{"transactions":[%b],"nextCursor":%b}' % (b",".join(rows), cursor)


def row_json(entry: Entry, currency: Currency) -> bytes:
    """Write one row of a statement."""
    row: dict[str, object] = {
        "id": f"{entry.wallet_id}-{entry.sequence}",
        "transactionId": entry.transaction_id,
        "type": entry.kind,
        "direction": entry.direction,
        "amount": exact_number(entry.amount_minor, currency.exponent),
        "balanceAfter": exact_number(entry.balance_after_minor, currency.exponent),
        "counterpartyId": entry.counterparty_id,
        "createdAt": exact_instant(entry.recorded_at),
    }
    if entry.description is not None:
        row["description"] = entry.description
    return bytes(memoryview(orjson.dumps(row)))  # the library leaves room behind its own, and rows are kept


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
