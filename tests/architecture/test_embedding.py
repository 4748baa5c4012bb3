"""What the neighbour in tests/embedding may know: nothing of ours but what everybody can install and import.

Its program knows no package of ours at all, only its tests know ``wallet_core``, by its public names; and what a test
says is the same whether the wallet is in memory or real: only the files about one of them name it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wallet_core
import wallet_core.testing

ROOT = Path(__file__).parents[2]
OWN = "tests.embedding.transactions_service"
OWN_TESTS = f"{OWN}.tests"
PROGRAM = ROOT.joinpath(*OWN.split("."))
TESTS = PROGRAM / "tests"

CLIENTS = {"aio_pika", "httpx2"}
"""The libraries of its program; its tests have pytest too."""

PUBLIC = {
    f"{module.__name__}.{name}" for module in (wallet_core, wallet_core.testing) for name in (*module.__all__, "*")
}

ABOUT_ONE_WALLET = {
    "conftest.py",
    "in_memory_wallet.py",
    "real_wallet.py",
    "test_remote_wallet.py",
    "test_requested_faults.py",
}
NAMES_OF_ONE_WALLET = {"wallet_service", "wallet_clock", "in_memory_wallet", "real_wallet", "wallet_address", "where"}
"""Fixtures that are there in one of the two only, or tell which it is."""


def imports(source: Path) -> Iterator[str]:
    """Yield everything that a file imports, wherever in it: ``module.name`` for each name, ``module.*`` for modules."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            yield from (f"{alias.name}.*" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def parsed(source: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(source.read_text(encoding="utf-8"))


def is_installable(name: str, libraries: set[str]) -> bool:
    """Tell whether a name comes from the standard library or one of these."""
    return name.partition(".")[0] in sys.stdlib_module_names | libraries


def test_the_program_knows_no_package_of_ours() -> None:
    """It speaks to the wallet by messages and HTTP, so it could be written in any language; its tests are not in it."""
    foreign = {
        (source.name, name)
        for source in PROGRAM.glob("*.py")
        for name in imports(source)
        if not is_installable(name, CLIENTS) and (not name.startswith(f"{OWN}.") or name.startswith(f"{OWN_TESTS}."))
    }

    assert set() == foreign


def test_its_tests_know_the_public_names() -> None:
    """Nothing of ``adapters`` or ``entrypoints`` or our tests, and of ``wallet_core`` what is for everybody."""
    foreign = {
        (source.name, name)
        for source in TESTS.glob("*.py")
        for name in imports(source)
        if not is_installable(name, CLIENTS | {"pytest"}) and not name.startswith(f"{OWN}.") and name not in PUBLIC
    }

    assert set() == foreign


def test_both_wallets_are_used() -> None:
    """The rules above are about something: memory comes from ``wallet_core.testing``, the real one over the clients."""
    in_memory, real = set(imports(TESTS / "in_memory_wallet.py")), set(imports(TESTS / "real_wallet.py"))

    assert "wallet_core.testing.InMemoryWalletService" in in_memory
    assert not any(name.startswith("wallet_core.") for name in real)


@pytest.mark.parametrize("name", sorted({source.name for source in TESTS.glob("*.py")} - ABOUT_ONE_WALLET))
def test_a_test_does_not_say_which_wallet_it_has(name: str) -> None:
    """It neither imports one nor asks for what only one has: then not a line differs between the two."""
    imported = set(imports(TESTS / name))
    own = {module.removeprefix(f"{OWN_TESTS}.").partition(".")[0] for module in imported}

    assert not any(module.startswith("wallet_core.") for module in imported)
    assert set() == own & {"in_memory_wallet", "real_wallet"}
    assert set() == set(words(TESTS / name)) & NAMES_OF_ONE_WALLET


def words(source: Path) -> Iterator[str]:
    """Yield the names of all parameters and all texts of a file: how a test can ask for a fixture."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
