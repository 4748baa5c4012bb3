"""What commands print of texts that strangers wrote: a terminal has nothing to obey in it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from entrypoints import screen

HOSTILE = "a\x1b]0;title\x07b\x1b[2J\rc\x9bd\u202ee"
HARMLESS = r"a\x1b]0;title\x07b\x1b[2J\rc\x9bd\u202ee"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Let standard output and error be a terminal without colours."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, color_system=None, width=200, highlight=False)
    monkeypatch.setattr(screen, "console", console)
    monkeypatch.setattr(screen, "errors", console)
    return written


def test_rows_for_a_program_have_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    """Each row is one line, and the fields are as many as the columns."""
    screen.print_rows(("ID", "BODY"), [("1", f"{HOSTILE}\t\nf")])

    assert f"ID\tBODY\n1\t{HARMLESS}  f\n" == capsys.readouterr().out


def test_a_table_has_no_control_characters_nor_markup(terminal: io.StringIO) -> None:
    """What looks like markup is shown as it is too."""
    screen.print_rows(("ID", "BODY"), [("1", f"[red]{HOSTILE}\nf")])

    assert ["ID  BODY", f"1   [red]{HARMLESS} f"] == [line.rstrip() for line in terminal.getvalue().splitlines()]


def test_text_keeps_its_lines_and_tabs_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A body that is shown whole keeps its form."""
    screen.print_plain(f"{{\n\t{HOSTILE} é €\n}}")

    assert f"{{\n\t{HARMLESS} é €\n}}\n" == capsys.readouterr().out


def test_errors_and_hints_have_no_control_characters(terminal: io.StringIO) -> None:
    """They may quote what was asked for, or what the books hold."""
    screen.fail(HOSTILE)
    screen.hint(HOSTILE)

    assert [HARMLESS, HARMLESS] == terminal.getvalue().splitlines()
