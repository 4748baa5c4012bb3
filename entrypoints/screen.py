"""What commands print: coloured tables where a person looks, tab-separated lines where a program reads."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

console = Console(highlight=False)
"""Standard output: results."""

errors = Console(stderr=True, highlight=False)
"""Standard error: what went wrong, hints, progress."""


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows: a table on a terminal; else a header line and one line each, tabs between the fields."""
    if not console.is_terminal:
        for row in (columns, *rows):
            print_plain("\t".join(field.replace("\t", " ").replace("\n", " ") for field in row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for position, column in enumerate(columns):
        # The first column is the id: it must be whole, for a person copies it into the next command.
        table.add_column(column, no_wrap=position == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def print_plain(text: str) -> None:
    """Print exactly this text and a line end: no markup, no wrapping."""
    sys.stdout.write(f"{text}\n")


def fail(text: str) -> None:
    """Say on standard error what is wrong."""
    errors.print(text, style="red", markup=False, soft_wrap=True)


def hint(text: str) -> None:
    """Say on standard error what to do next."""
    errors.print(text, markup=False, soft_wrap=True)
