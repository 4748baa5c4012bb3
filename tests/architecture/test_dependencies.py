"""The dependency rule as a failing check: entrypoints -> adapters -> wallet_core, a core of the standard library."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[2]
CORE = ROOT / "wallet_core"

IMPORT_ALL_OF_THE_CORE = """
import pkgutil, sys
sys.path.insert(0, sys.argv[1])
import wallet_core
for module in pkgutil.walk_packages(wallet_core.__path__, "wallet_core."):
    __import__(module.name)
loaded = {name.partition(".")[0] for name in sys.modules}
print(",".join(sorted(loaded - sys.stdlib_module_names - {"__main__", "wallet_core"})))
"""


def imported_names(source: Path) -> Iterator[str]:
    """Yield the top-level name of everything that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_import_contracts() -> None:
    """Every contract of [tool.importlinter] in pyproject.toml is kept; the captured output names a broken one."""
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert EXIT_STATUS_SUCCESS == status


def test_core_names_only_the_standard_library() -> None:
    """No file of wallet_core imports anything but the standard library and wallet_core."""
    allowed = sys.stdlib_module_names | {"wallet_core"}

    foreign = [
        f"{source.relative_to(ROOT)}: {name}"
        for source in sorted(CORE.rglob("*.py"))
        for name in imported_names(source)
        if name not in allowed
    ]

    assert [] == foreign


def test_core_loads_without_installed_packages() -> None:
    """All of wallet_core imports in an interpreter that sees no site-packages, and loads only the standard library."""
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", IMPORT_ALL_OF_THE_CORE, str(ROOT)]

    loaded = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert ("", "\n", 0) == (loaded.stderr, loaded.stdout, loaded.returncode)
