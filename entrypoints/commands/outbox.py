"""``wallet outbox``: which answers are not published yet, since when, and who is to publish them."""

from __future__ import annotations

from datetime import datetime

from adapters.mongo.backlog import Backlog, Lease, WaitingAnswer, backlog
from adapters.mongo.client import Database
from adapters.mongo.pending_answers import BACKLOG_ROWS_MAX
from entrypoints.commands.books import with_books
from entrypoints.screen import hint, print_plain, print_rows
from entrypoints.settings import Settings
from wallet_core.fields import iso_milliseconds


async def outbox(settings: Settings, answers_max: int, older_than_s: int) -> int:
    """Print what waits; 1 if something waits too long or cannot be read, 2 if nobody could be asked."""

    async def run(database: Database) -> int:
        waiting = await backlog(database, answers_max)
        _print(waiting, answers_max)
        return _verdict(waiting, older_than_s)

    return await with_books(settings, run)


def _verdict(waiting: Backlog, older_than_s: int) -> int:
    """Say what a person must look at; 1 if there is anything."""
    if waiting.unreadable:
        hint(
            "Somebody has altered rows of the outbox: no relay publishes them. Mend them from a backup, or remove "
            "them: the answers are in the books, and a transaction that is sent again is answered again."
        )
    if waiting.age_s <= older_than_s:
        return 1 if waiting.unreadable else 0
    hint(
        f"The oldest has waited for {waiting.age_s} s, more than {older_than_s} s. None is lost: does 'wallet run' or "
        "'wallet consume' run somewhere, is RabbitMQ well, is transaction.finalized.q bound?"
    )
    return 1


def _print(waiting: Backlog, answers_max: int) -> None:
    for name, value in _facts(waiting).items():
        print_plain(f"{name:<13} {value}")
    if waiting.unreadable:
        print_plain("")
        print_rows(("ROW", "UNREADABLE"), ((row.id, row.text) for row in waiting.unreadable))
    if not waiting.rows:
        hint("The outbox is empty.")
    elif answers_max and waiting.oldest:
        print_plain("")
        print_rows(("TRANSACTION", "ANSWER", "REVISION", "SINCE", "ROW"), map(_row, waiting.oldest))


def _facts(waiting: Backlog) -> dict[str, str]:
    least = "at least " if waiting.rows == BACKLOG_ROWS_MAX else ""
    oldest = f"{iso_milliseconds(waiting.oldest[0].since)}, {waiting.age_s} s ago" if waiting.oldest else "none"
    return {
        "rows": f"{least}{waiting.rows}",
        "transactions": f"{least}{waiting.transactions}",
        "oldest": oldest,
        "relay": _relay(waiting.lease, waiting.now),
    }


def _relay(lease: Lease | None, now: datetime) -> str:
    if lease is None:
        return "nobody"
    if lease.expires_at > now:
        return f"{lease.holder} until {iso_milliseconds(lease.expires_at)}"
    return f"nobody since {iso_milliseconds(lease.expires_at)}, when the lease of {lease.holder} ended"


def _row(answer: WaitingAnswer) -> tuple[str, ...]:
    status, revision = ("none", "") if answer.answer is None else (answer.answer.status.value, answer.answer.revision)
    return answer.transaction_id, status, str(revision), iso_milliseconds(answer.since), answer.row_id
