"""What an environment with nothing but the wheel `wallet-core` must show; ``nox -s wheel`` runs this file there.

It uses the standard library alone, since there is nothing else. `test_dependencies.py` checks the same of the tree, as
far as the tree can show it.
"""

# ruff: noqa: T201 - it speaks to whoever runs nox

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import pkgutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import wallet_core

ABOUT: Mapping[str, str] = {
    "wallet_core.testing.plugin": "pytest",
    "wallet_core.testing.strategies": "hypothesis",
    "wallet_core.testing.wallet_machine": "hypothesis",
}
"""The modules of the core that are about another library, and which; no other module knows one."""

IMPORT_MS_MAX = 50
"""How long ``import wallet_core`` may take where ``import asyncio`` takes ``YARDSTICK_MS``, in processor time."""

YARDSTICK_MS = 35
"""A slower machine, or one that is busy with something else, shows by this and may take as much longer for ours."""

TRIES_MAX = 20
"""Most interpreters that are started for each of the two; the fastest counts, and the first that will do."""

TIMED_IMPORT = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


def unimportable() -> Iterator[tuple[str, str]]:
    """Import every module; give those that cannot be imported, and what they miss."""
    for module in pkgutil.walk_packages(wallet_core.__path__, "wallet_core."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            yield module.name, error.name or ""


def check_contents() -> None:
    """The wheel brings one package, its types, its pytest plugin, and asks for no other distribution."""
    site = Path(sysconfig.get_path("purelib"))
    version = importlib.metadata.version("wallet-core")
    files = {str(path).split("/")[0] for path in importlib.metadata.files("wallet-core") or ()}
    (plugin,) = importlib.metadata.entry_points(group="pytest11")

    assert Path(wallet_core.__file__).is_relative_to(site), wallet_core.__file__
    assert files == {"wallet_core", f"wallet_core-{version}.dist-info"}, files
    assert (site / "wallet_core" / "py.typed").is_file()
    assert not importlib.metadata.requires("wallet-core")
    assert plugin.value in ABOUT, plugin


def check_imports() -> None:
    """Every module imports, but for those that are about a library which is not here."""
    missing = dict(unimportable())

    assert missing == ABOUT, missing


def check_import_time() -> None:
    """The import is quick."""
    ours_ms = yardstick_ms = float("inf")
    for _ in range(TRIES_MAX):
        ours_ms = min(ours_ms, import_ms("wallet_core"))
        yardstick_ms = min(yardstick_ms, import_ms("asyncio"))
        limit_ms = IMPORT_MS_MAX * max(1.0, yardstick_ms / YARDSTICK_MS)
        if ours_ms < limit_ms:
            print(f"wallet-core: import wallet_core took {ours_ms:.0f} ms, import asyncio {yardstick_ms:.0f} ms")
            return
    raise AssertionError(f"import wallet_core took {ours_ms:.0f} ms and more, import asyncio {yardstick_ms:.0f} ms")


def import_ms(module: str) -> float:
    """Give the processor time that an import takes in a fresh interpreter."""
    command = [sys.executable, "-I", "-c", TIMED_IMPORT.format(module)]
    timed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return 1_000 * float(timed.stdout)


async def check_story() -> None:
    """A whole wallet service does its work here."""
    from wallet_core.testing import InMemoryWalletService  # noqa: PLC0415 - the import of the core alone is timed above

    service = InMemoryWalletService()
    await service.signup("ada")
    await service.complete_topup("t1", "ada", 10_000)
    service.lose_next_ack()
    await service.complete_transfer("t2", "ada", "ben", 3_050)
    await service.signup("ben")
    service.clock.advance(timedelta(seconds=1))
    await service.fail("t1", "the card was refused")

    answers = [(answer.transaction_id, answer.status.value) for answer in service.finalizations]
    assert answers == [("t1", "completed"), ("t2", "completed"), ("t2", "completed")], answers
    assert [service.balance(user).amount_minor for user in ("ada", "ben")] == [6_950, 3_050]
    assert service.transaction("t1").state == "reversal_due"
    assert not service.audit()


if __name__ == "__main__":
    check_contents()
    check_import_time()
    check_imports()
    asyncio.run(check_story())
    print("wallet-core: every module but those about pytest and hypothesis imports in an empty environment")
