"""Every port has a suite, and what our adapters are tested by is exactly the suites that anybody can run."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import wallet_core
from wallet_core import intake, past, ports
from wallet_core.testing import conformance

ROOT = Path(__file__).parents[2]

SUITES_OF = {
    ports.UnitOfWork: {"UnitOfWorkSuite", "RacesSuite", "SameAsMemorySuite"},
    ports.Reader: {"ReaderSuite", "SameAsMemorySuite"},
    ports.PendingAnswers: {"PendingAnswersSuite", "SameAsMemorySuite"},
    ports.EventBus: {"EventBusSuite"},
    ports.Clock: {"ClockSuite"},
    intake.LateSignups: {"LateSignupsSuite"},
    past.Past: {"PastSuite"},
}
PARTS_OF_A_UNIT_OF_WORK = {ports.Books, ports.WalletRepository, ports.Journal, ports.Outbox}

CONTRACTS = sorted((ROOT / "tests" / "contract").glob("test_*.py"))


def imported(file: Path) -> ModuleType:
    """Import a test module under its name from the root, as the tests import each other."""
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return importlib.import_module(name)


def suites_of(contract: type) -> list[type]:
    """Give the suites that a class of ours runs."""
    return [base for base in contract.__mro__[1:] if base.__name__.endswith("Suite")]


def contracts() -> list[type]:
    """Give the classes of tests/contract that run suites."""
    found = [value for file in CONTRACTS for value in vars(imported(file)).values() if isinstance(value, type)]
    return [value for value in found if value.__name__.startswith("Test") and suites_of(value)]


def test_every_port_has_a_suite() -> None:
    """Each public Protocol of the core is held to its suites, or is a part of one that is; every suite is public."""
    names = [module.name for module in pkgutil.walk_packages(wallet_core.__path__, "wallet_core.")]
    modules = map(importlib.import_module, (name for name in names if not name.startswith("wallet_core.testing")))

    protocols = {value for module in modules for value in vars(module).values() if is_public_protocol(value)}

    assert protocols == SUITES_OF.keys() | PARTS_OF_A_UNIT_OF_WORK
    assert {name for name in conformance.__all__ if name.endswith("Suite")} == set().union(*SUITES_OF.values())


def is_public_protocol(value: object) -> bool:
    """Tell whether it is a Protocol of ours that others may know."""
    if not isinstance(value, type) or not value.__module__.startswith("wallet_core."):
        return False
    return getattr(value, "_is_protocol", False) is True and not value.__name__.startswith("_")


def test_every_suite_runs_over_memory_and_another_adapter() -> None:
    """No suite is only for others: ours run each, in memory and on what replaces it."""
    runs = {(suite.__name__, contract.__name__) for contract in contracts() for suite in suites_of(contract)}

    for name in (name for name in conformance.__all__ if name.endswith("Suite")):
        assert len([contract for suite, contract in runs if suite == name]) > 1, name


@pytest.mark.parametrize("contract", contracts(), ids=lambda contract: f"{contract.__module__}.{contract.__name__}")
def test_our_adapters_run_exactly_the_suites(contract: type) -> None:
    """A class of ours that runs a suite adds no test, and changes none: it gives what the suite asks for."""
    assert [name for name in vars(contract) if name.startswith("test")] == []
