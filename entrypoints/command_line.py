"""What every command of the command line needs: its settings, and the exit code of a wrong call."""

from __future__ import annotations

import os

import typer

from entrypoints.screen import fail
from entrypoints.settings import Settings, load_settings
from entrypoints.settings_error import SettingsError

WRONG_CALL = 2
"""Exit code for a wrong option or a wrong setting."""


def command_settings() -> Settings:
    """Read the environment, or say everything that is wrong with it and exit with 2."""
    try:
        return load_settings(os.environ)
    except SettingsError as error:
        fail(str(error))
        raise typer.Exit(WRONG_CALL) from None
