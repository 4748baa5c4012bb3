"""The commands ``wallet dead-letters``: declared here, done in ``commands/dead_letters.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.command_line import WRONG_CALL, command_settings, exit_with
from entrypoints.screen import fail

if TYPE_CHECKING:
    from adapters.rabbitmq.dead_letters import Selection

letters = typer.Typer(help="Messages that were set aside: look, send back, throw away.", no_args_is_help=True)


@letters.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the oldest first.")] = 100,
) -> None:
    """List them, the oldest first.

    Example: `wallet dead-letters list`
    """
    from entrypoints.commands import dead_letters as command

    exit_with(command.list_letters(command_settings(), limit))


@letters.command("show")
def show_letter(letter_id: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")]) -> None:
    """Show one with its body.

    Example: `wallet dead-letters show 0b5c...`
    """
    from entrypoints.commands import dead_letters as command

    exit_with(command.show_letter(command_settings(), letter_id))


Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...")]
Reason = Annotated[str | None, typer.Option(help="All with this reason.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them.")]


@letters.command("replay")
def replay(ids: Ids = None, reason: Reason = None, *, everything: Everything = False) -> None:
    """Send some back to the queue they came from. Known transaction ids make a second time harmless.

    Examples: `wallet dead-letters replay 0b5c...` · `wallet dead-letters replay --reason reversal_shortfall`
    """
    from entrypoints.commands import dead_letters as command

    selected = _required(command.selection(ids or [], reason, everything=everything))
    exit_with(command.replay(command_settings(), selected))


@letters.command("discard")
def discard(ids: Ids = None, reason: Reason = None, *, everything: Everything = False) -> None:
    """Throw some away, for ever.

    Example: `wallet dead-letters discard --reason too_large`
    """
    from entrypoints.commands import dead_letters as command

    selected = _required(command.selection(ids or [], reason, everything=everything))
    exit_with(command.discard(command_settings(), selected))


def _required(selected: Selection | None) -> Selection:
    if selected is None:
        fail("Say which: one or more ids, --reason REASON, or --all.")
        raise typer.Exit(WRONG_CALL)
    return selected
