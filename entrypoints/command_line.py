"""What every command of the command line needs: its settings, and the way to its exit code."""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from entrypoints.screen import fail

if TYPE_CHECKING:
    from entrypoints.settings import Settings

WRONG_CALL = 2
"""Exit code for a wrong option or a wrong setting."""


def command_settings() -> Settings:
    """Read the environment, or say everything that is wrong with it and exit with 2."""
    from entrypoints.settings import load_settings
    from entrypoints.settings_error import SettingsError

    try:
        return load_settings(os.environ)
    except SettingsError as error:
        fail(str(error))
        raise typer.Exit(WRONG_CALL) from None


def exit_with(work: Coroutine[Any, Any, int]) -> NoReturn:
    """Do the work of a command, and exit with the code that it gives."""
    import asyncio

    raise typer.Exit(asyncio.run(work))
