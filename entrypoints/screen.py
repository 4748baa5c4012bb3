"""What commands print: coloured tables where a person looks, tab-separated lines where a program reads.

Much of it was written by strangers: bodies, headers, ids and texts of events. So nothing that a terminal would obey
reaches it: what is not printable is shown as its escape, as Python writes it, in every function here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console(highlight=False)
"""Standard output: results."""

errors = Console(stderr=True, highlight=False)
"""Standard error: what went wrong, hints, progress."""

_ONE_LINE = str.maketrans("\t\n", "  ")


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows: a table on a terminal; else a header line and one line each, tabs between the fields."""
    if not console.is_terminal:
        for row in (columns, *rows):
            print_plain("\t".join(field.translate(_ONE_LINE) for field in row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for position, column in enumerate(columns):
        # The first column is the id: it must be whole, for a person copies it into the next command.
        table.add_column(column, no_wrap=position == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(field.translate(_ONE_LINE))) for field in row))
    console.print(table)


def print_plain(text: str) -> None:
    """Print this text and a line end: no markup, no wrapping, nothing but what is not printable replaced."""
    sys.stdout.write(f"{printable(text)}\n")


def printable(text: str) -> str:
    """Give the text with everything but its printable characters, line ends and tabs as escapes."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else character.encode("unicode_escape").decode()
        for character in text
    )


def fail(text: str) -> None:
    """Say on standard error what is wrong."""
    errors.print(printable(text), style="red", markup=False, soft_wrap=True)


def hint(text: str) -> None:
    """Say on standard error what to do next."""
    errors.print(printable(text), markup=False, soft_wrap=True)
