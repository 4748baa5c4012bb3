"""The commands ``wallet dead-letters``: declared here, done in ``commands/dead_letters.py``."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from adapters.rabbitmq.dead_letters import Selection
from entrypoints.command_line import WRONG_CALL, command_settings
from entrypoints.commands import dead_letters
from entrypoints.screen import fail

letters = typer.Typer(help="Messages that were set aside: look, send back, throw away.", no_args_is_help=True)


@letters.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the oldest first.")] = 100,
) -> None:
    """List them, the oldest first.

    Example: `wallet dead-letters list`
    """
    raise typer.Exit(asyncio.run(dead_letters.list_letters(command_settings(), limit)))


@letters.command("show")
def show_letter(letter_id: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")]) -> None:
    """Show one with its body.

    Example: `wallet dead-letters show 0b5c...`
    """
    raise typer.Exit(asyncio.run(dead_letters.show_letter(command_settings(), letter_id)))


Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...")]
Reason = Annotated[str | None, typer.Option(help="All with this reason.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them.")]


@letters.command("replay")
def replay(ids: Ids = None, reason: Reason = None, *, everything: Everything = False) -> None:
    """Send some back to the queue they came from. Known transaction ids make a second time harmless.

    Examples: `wallet dead-letters replay 0b5c...` · `wallet dead-letters replay --reason reversal_shortfall`
    """
    selected = _selected(ids, reason, everything=everything)
    raise typer.Exit(asyncio.run(dead_letters.replay(command_settings(), selected)))


@letters.command("discard")
def discard(ids: Ids = None, reason: Reason = None, *, everything: Everything = False) -> None:
    """Throw some away, for ever.

    Example: `wallet dead-letters discard --reason too_large`
    """
    selected = _selected(ids, reason, everything=everything)
    raise typer.Exit(asyncio.run(dead_letters.discard(command_settings(), selected)))


def _selected(ids: list[str] | None, reason: str | None, *, everything: bool) -> Selection:
    chosen = dead_letters.selection(ids or [], reason, everything=everything)
    if chosen is None:
        fail("Say which: one or more ids, --reason REASON, or --all.")
        raise typer.Exit(WRONG_CALL)
    return chosen
