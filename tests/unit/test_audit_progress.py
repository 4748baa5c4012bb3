"""Whoever waits for an audit sees how far it is; whoever only wants the result does not."""

import asyncio

import pytest
from rich.console import Console

from entrypoints import audit_progress as progress
from entrypoints.audit_progress import audit_progress
from wallet_core.audit import Summary

EXPECTED = 1_000


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show it at once."""
    monkeypatch.setattr(progress, "LINE_INTERVAL_S", 0.001)
    monkeypatch.setattr(progress, "BAR_INTERVAL_S", 0.001)


async def until_shown(capsys: pytest.CaptureFixture[str], summary: Summary, share: str) -> str:
    """Run the progress until it shows a share; give what it wrote to standard error."""
    shown = ""
    async with audit_progress(summary, EXPECTED), asyncio.timeout(10):
        while share not in shown:
            await asyncio.sleep(0.001)
            captured = capsys.readouterr()
            assert captured.out == ""
            shown += captured.err
    return shown


async def test_a_log_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Where standard error is no terminal a line says the share done and the rate."""
    shown = await until_shown(capsys, Summary(entries=300, transactions=125), "42 %")

    assert "auditing: 42 % of 1000 entries and transactions, " in shown
    assert "a second\n" in shown
    assert "\x1b" not in shown


async def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the share done and the rate are drawn, and gone in the end."""
    monkeypatch.setattr(progress, "errors", Console(stderr=True, force_terminal=True, width=100))

    shown = await until_shown(capsys, Summary(entries=500, transactions=130), "63%")

    assert "a second" in shown


@pytest.mark.parametrize("expected", [0, EXPECTED])
async def test_books_that_grow_meanwhile_are_not_more_than_all(
    capsys: pytest.CaptureFixture[str], expected: int
) -> None:
    """What comes in during the audit does not make the share more than 100 %, nor do empty books break it."""
    shown = ""
    async with audit_progress(Summary(entries=2 * EXPECTED), expected), asyncio.timeout(10):
        while " %" not in shown:
            await asyncio.sleep(0.001)
            shown += capsys.readouterr().err

    assert f"{100 if expected else 0} %" in shown
