"""``docs/operations.md``: what it tells an operator to type, taken from the page itself, so that a test types that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bson import json_util

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"

NOTHING: Mapping[str, str] = MappingProxyType({})

_BLOCK = re.compile(r"```(console|js)\n(.*?)```", re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)
_SCRIPT = re.compile(r"^db\.runCommand\((\{.*?\})\)$", re.MULTILINE | re.DOTALL)
_OBJECT_ID = re.compile(r'ObjectId\("([0-9a-f]{24})"\)')


def commands(heading: str) -> list[str]:
    """Give the shell commands below a heading, in order."""
    return [command for kind, text in _blocks(heading) if kind == "console" for command in _COMMAND.findall(text)]


def scripts(heading: str, instead: Mapping[str, str] = NOTHING) -> list[Mapping[str, object]]:
    """Give the database commands below a heading, in order; ``instead`` says what stands for words of the example."""
    given = [script for kind, text in _blocks(heading) if kind == "js" for script in _SCRIPT.findall(text)]
    for word, replacement in instead.items():
        given = [script.replace(word, replacement) for script in given]
    return [json_util.loads(_OBJECT_ID.sub(r'{"$oid": "\1"}', script)) for script in given]


def _blocks(heading: str) -> list[tuple[str, str]]:
    """Give the blocks between a heading and the next one of any level."""
    page = PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^#+ {re.escape(heading)}.*?\n(.*?)(?=^#)", page, re.DOTALL | re.MULTILINE)
    return [(kind, text) for kind, text in _BLOCK.findall(section)]
