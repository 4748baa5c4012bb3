"""The pages name only commands, options, settings and files that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from entrypoints.cli import app
from entrypoints.settings import Settings

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs" / "configuration.md"
"""Written from the settings themselves; ``test_settings.py`` compares it."""
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
CONSOLE_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
INLINE_CALL = re.compile(r"(?<!`)`wallet ([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
OUR_SETTING = re.compile(r"\bWALLET_[A-Z_]+\b")
NOT_OURS = {"WALLET_TEST_MONGO_DRIVER", "WALLET_TEST_RABBITMQ_URL", "WALLET_TEST_SEED"}
"""The tests have settings of their own."""


def wallet_calls(page: Path) -> Iterator[list[str]]:
    """Give the words behind each ``wallet`` of a page's console blocks."""
    for block in CONSOLE_BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for call in re.findall(r"(?:^\$ |\$\(|&& |bin/)wallet ([^#)|&]*)", line):
                yield shlex.split(call)


def command_of(words: list[str]) -> tuple[TyperGroup | TyperCommand, list[str]]:
    """Follow the words down to the command that they name; give it and the words behind it."""
    command = typer.main.get_command(app)
    while isinstance(command, TyperGroup) and words:
        assert words[0] in command.commands, f"there is no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    assert isinstance(command, TyperGroup | TyperCommand)
    return command, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_of_a_page_exist(page: Path) -> None:
    """Every ``wallet`` call that a page tells a person to type names a command and options that exist."""
    for words in wallet_calls(page):
        command, rest = command_of(words)

        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        assert options.issuperset(word for word in rest if word.startswith("--")), words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_in_the_text_of_a_page_exist(page: Path) -> None:
    """So does every ``wallet`` call in the middle of a sentence or a table."""
    for call in INLINE_CALL.findall(page.read_text(encoding="utf-8")):
        command, rest = command_of(shlex.split(call))

        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        assert options.issuperset(word for word in rest if word.startswith("--")), call


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Every relative link of a page leads to a file or folder of the tree."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page != GENERATED], ids=lambda page: page.name)
def test_settings_of_a_page_exist(page: Path) -> None:
    """Every setting of ours that a page names is one that the service reads."""
    named = set(OUR_SETTING.findall(page.read_text(encoding="utf-8"))) - NOT_OURS

    assert named <= {name.upper() for name in Settings.model_fields}
