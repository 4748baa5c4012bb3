"""``wallet audit``: see whether the books add up."""

from __future__ import annotations

from contextlib import aclosing

from adapters.mongo.audit import MongoAudit
from adapters.mongo.client import Database
from adapters.mongo.reversals_due import reversals_due
from entrypoints.audit_progress import audit_progress
from entrypoints.commands.books import with_books
from entrypoints.screen import hint, print_plain
from entrypoints.settings import Settings
from wallet_core.audit import Finding, Summary
from wallet_core.fields import iso_milliseconds
from wallet_core.money import Currency, major_units

DUE_SHOWN_MAX = 100
"""Due reversals that are listed, the oldest first; the summary counts all."""


async def audit(settings: Settings) -> int:
    """Print every contradiction and a summary; 1 if there was any, 2 if the books could not be read."""

    async def run(database: Database) -> int:
        books = MongoAudit(database)
        await _print_findings(books)
        await _print_reversals_due(database)
        for line in summary_lines(books.summary, settings.wallet_currency):
            print_plain(line)
        return 1 if books.summary.findings else 0

    return await with_books(settings, run)


def summary_lines(summary: Summary, currency: Currency) -> list[str]:
    """Say what was looked at and what it comes to."""
    looked_at = f"{summary.wallets} wallets, {summary.entries} entries, {summary.transactions} transactions"
    lines = [f"{looked_at}, {summary.outbox_rows} outbox rows"]
    for code, money in summary.money.items():
        amounts = [money.came_in_minor, money.went_out_minor, money.held_minor]
        if code == currency.code:
            came_in, went_out, held = (str(major_units(minor, currency)) for minor in amounts)
        else:
            came_in, went_out, held = (f"{minor} minor units" for minor in amounts)
        lines.append(f"{code}: {came_in} came in, {went_out} was taken back, the wallets hold {held}")
    if summary.reversals_due:
        lines.append(f"{summary.reversals_due} reversals are due: the recipient has spent what must go back")
    if summary.waiting:
        not_audited = f"{summary.waiting} wallets of v1 are not adopted and not in these sums"
        lines.append(f"{not_audited}: 'wallet migrate' adopts or lists them")
    if summary.instants > 1:
        lines.append(
            f"read at {summary.instants} instants, one after the other: what came in meanwhile is in some sums and not "
            "in others (docs/operations.md)"
        )
    if summary.findings:
        lines.append(f"{summary.findings} contradictions: the books do not add up")
    else:
        lines.append("everything fits")
    return lines


async def _print_findings(books: MongoAudit) -> None:
    async with audit_progress(books.summary, await books.expected()), aclosing(books.findings()) as findings:
        async for finding in findings:
            print_plain(_line(finding))


async def _print_reversals_due(database: Database) -> None:
    records = await reversals_due(database, DUE_SHOWN_MAX)
    for record in records:
        since = "" if record.due_since is None else iso_milliseconds(record.due_since)
        print_plain(f"reversal due  {record.id}  since {since}  {record.reason}")
    if records:
        hint(
            "Settle with the recipient, then 'wallet dead-letters replay --reason reversal_shortfall'. For one whose "
            "dead letter is lost: 'wallet publish transaction.failed --field transactionId=ID'."
        )


def _line(finding: Finding) -> str:
    return f"{finding.check.value:<12} {finding.subject}  {finding.text}"
