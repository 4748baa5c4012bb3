"""The dependency rule as a failing check: entrypoints -> adapters -> wallet_core, a core of the standard library."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.architecture.clean_environment import ABOUT

ROOT = Path(__file__).parents[2]
CORE = ROOT / "wallet_core"

IMPORT_ALL_OF_THE_CORE = """
import sys
sys.path[:0] = sys.argv[1:]
from clean_environment import ABOUT, unimportable
assert dict(unimportable()) == ABOUT, dict(unimportable())
loaded = {name.partition(".")[0] for name in sys.modules}
print(",".join(sorted(loaded - sys.stdlib_module_names - {"__main__", "clean_environment", "wallet_core"})))
"""

IMPORT_THE_CORE = """
import sys
sys.path.insert(0, sys.argv[1])
import wallet_core
print(",".join(sys.modules))
"""

NOT_FOR_DECISIONS = {
    "asyncio",
    "logging",
    "random",
    "selectors",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "unittest",
}
"""Parts of the standard library that ``import wallet_core`` has no use for: decisions do no I/O and wait for nobody."""


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
    """No file of wallet_core imports anything else, but for the few that are about one other library."""
    allowed = sys.stdlib_module_names | {"wallet_core"}

    foreign = {
        (".".join(source.relative_to(ROOT).with_suffix("").parts), name)
        for source in CORE.rglob("*.py")
        for name in imported_names(source)
        if name not in allowed
    }

    assert set(ABOUT.items()) == foreign


def test_core_loads_without_installed_packages() -> None:
    """All the others import in an interpreter that sees no site-packages, and load only the standard library."""
    assert "\n" == output_of(IMPORT_ALL_OF_THE_CORE, ROOT, Path(__file__).parent)


def test_core_loads_little() -> None:
    """``import wallet_core`` loads no event loop, no thread, no socket, and nothing that is for tests."""
    loaded = set(output_of(IMPORT_THE_CORE, ROOT).strip().split(","))

    assert set() == loaded & NOT_FOR_DECISIONS
    assert set() == {name for name in loaded if name.startswith(("wallet_core.memory", "wallet_core.testing"))}


def output_of(code: str, *arguments: Path) -> str:
    """Run code in a fresh interpreter that sees no site-packages; give what it prints. It must end well and quietly."""
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", code, *map(str, arguments)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (0, "") == (ended.returncode, ended.stderr)
    return ended.stdout
