"""A package that draws a map of its modules names every one of them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAPS = [
    package
    for top in ("wallet_core", "adapters", "entrypoints")
    for package in sorted((ROOT / top).rglob("__init__.py"))
    if "::\n" in package.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("package", MAPS, ids=lambda package: str(package.parent.relative_to(ROOT)))
def test_map_names_every_module(package: Path) -> None:
    """Who looks for a rule reads the map first: a module that is not on it is not found."""
    told = package.read_text(encoding="utf-8")

    modules = {module.name for module in package.parent.glob("*.py")} - {"__init__.py"}

    assert set() == {module for module in modules if not re.search(rf"(?<!\w){re.escape(module)}", told)}
