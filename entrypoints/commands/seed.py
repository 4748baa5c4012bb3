"""The part of ``wallet migrate`` that records v1's transactions: its progress, what it lists, and its summary."""

from __future__ import annotations

import asyncio

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from adapters.mongo.seeding import Finding, Listed, Seeding, SeedReport
from entrypoints.screen import errors, hint, print_plain

PROGRESS_INTERVAL_S = 0.25
"""How often the progress is drawn anew."""

REMEDIES = {
    Finding.UNDECIDED: "Undecided ones wait for you, before or after the start: see 'wallet undecided --help'.",
    Finding.RELEASED: "Released ones are transactions like any other from now on: look whether that is right.",
    Finding.UNREADABLE: "The ids of unreadable ones are known, so none moves money; a reuse of the id would not show.",
    Finding.CHANGED: "Changed ones have another status than when they were recorded: settle them by hand.",
    Finding.LEFT: "Nothing is recorded of those left.",
}
"""What to do about each kind of finding."""


async def seed(seeding: Seeding) -> int:
    """Record v1's transactions, list what a person must look at, and sum up; 1 if there is anything to look at."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task_id = progress.add_task("recording v1's transactions", total=seeding.report.total)
        drawing = asyncio.create_task(_draw(progress, task_id, seeding.report))
        try:
            await seeding.run(_tell)
        finally:
            drawing.cancel()
    _print_summary(seeding.report)
    found = [finding for finding, count in seeding.report.findings.items() if count]
    for finding in found:
        hint(REMEDIES[finding])
    return 1 if found else 0


def _print_summary(report: SeedReport) -> None:
    findings = report.findings
    print_plain(
        f"{report.seen} transactions of v1: {report.applied} applied and {report.refused} refused before us recorded "
        f"now, {report.known} known already, {report.later} created after v1 had stopped"
    )
    print_plain(
        f"to look at: {findings[Finding.UNDECIDED]} undecided, {findings[Finding.UNREADABLE]} unreadable, "
        f"{findings[Finding.CHANGED]} changed, {findings[Finding.LEFT]} left"
        + (f", {findings[Finding.RELEASED]} released" if findings[Finding.RELEASED] else "")
    )


async def _draw(progress: Progress, task_id: TaskID, report: SeedReport) -> None:
    while True:
        progress.update(task_id, completed=report.seen, description=f"recording v1's transactions: {report.seen}")
        await asyncio.sleep(PROGRESS_INTERVAL_S)


def _tell(listed: Listed) -> None:
    print_plain(f"{listed.finding.value:<10} {listed.transaction_id}  {listed.text}")
