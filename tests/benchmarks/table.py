"""The table of targets, for a terminal and for the page; made from the rows as they stand in the JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HEAD = ("What", "Driver", "Ours", "Reference", "Ratio", "Asked for", "Met")

LARGE = 100
SMALL = 10

Row = Mapping[str, Any]


def cells(row: Row) -> tuple[str, ...]:
    """Write one row."""
    reference = row["reference"]
    is_ratio = reference is not None
    return (
        row["what"],
        row["driver"],
        f"{number(row['ours']['median'])} {row['unit']}",
        f"{number(reference['median'])} ({row['reference_is']})" if is_ratio else "",
        f"{row['ratio']['median']:.2f} x" if is_ratio else "",
        "" if row["bound"] is None else _asked(row, is_ratio=is_ratio),
        {True: "yes", False: "**no**", None: ""}[row["met"]],
    )


def terminal_table(rows: Iterable[Row]) -> str:
    """Write the rows in columns."""
    lines = [HEAD, *(tuple(cell.replace("`", "").replace("**", "") for cell in cells(row)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def markdown_table(rows: Iterable[Row]) -> str:
    """Write the rows as Markdown."""
    lines = [_line(HEAD), "|---|---|---:|---|---:|---|---|", *(_line(cells(row)) for row in rows)]
    return "\n".join(lines)


def number(value: float) -> str:
    """Write a number as a person reads it: three digits, or all before the point."""
    if value >= LARGE:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= SMALL else f"{value:.2f}"


def _asked(row: Row, *, is_ratio: bool) -> str:
    return f"{row['side']} {row['bound']:g} {'x' if is_ratio else row['unit']}"


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"
