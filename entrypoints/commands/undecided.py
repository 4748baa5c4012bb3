"""``wallet undecided``: the transactions that v1 may have applied, and what a person has found out about them."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.clock import SystemClock
from adapters.mongo.client import Database
from adapters.mongo.undecided import Undecided, decide_applied, decide_not_applied, list_undecided
from entrypoints.commands.books import with_books
from entrypoints.screen import fail, hint, print_plain, print_rows
from entrypoints.settings import Settings
from wallet_core.fields import iso_milliseconds, usable_id
from wallet_core.money import Currency, major_units

LISTED_MAX = 1_000
"""Undecided transactions that are listed, by id: more than a person decides at a sitting."""

COLUMNS = ("ID", "CREATED", "KIND", "AMOUNT", "FROM", "TO", "TOUCHED")


async def undecided(settings: Settings, transaction_ids: Sequence[str], *, is_applied: bool) -> int:
    """List all without ids, else record the verdict about these; 1 if a person must look, 2 without the books."""

    async def run(database: Database) -> int:
        if not transaction_ids:
            return await _list(database, settings.wallet_currency)
        return await _decide(database, transaction_ids, is_applied=is_applied)

    return await with_books(settings, run)


async def _list(database: Database, currency: Currency) -> int:
    listed = await list_undecided(database, LISTED_MAX)
    print_rows(COLUMNS, [_row(each, currency) for each in listed])
    if not listed:
        hint("Nothing is undecided.")
    return 1 if listed else 0


async def _decide(database: Database, transaction_ids: Sequence[str], *, is_applied: bool) -> int:
    ids = list(dict.fromkeys(usable_id(id_) or id_ for id_ in transaction_ids))
    if is_applied:
        others = await decide_applied(database, ids, SystemClock())
    else:
        others = await decide_not_applied(database, ids, SystemClock())
    for id_ in others:
        fail(f"{id_} is not undecided: nothing was done about it")
    print_plain(f"{len(ids) - len(others)} decided")
    hint("What was set aside for them goes on with 'wallet dead-letters replay --reason legacy_transaction'.")
    return 1 if others else 0


def _row(listed: Undecided, currency: Currency) -> tuple[str, ...]:
    record = listed.record
    return (
        record.id,
        iso_milliseconds(listed.created_at),
        "?" if record.kind is None else record.kind.value,
        "?" if record.amount_minor is None else str(major_units(record.amount_minor, currency)),
        record.sender_id or "",
        record.recipient_id or "?",
        listed.touched.value,
    )
