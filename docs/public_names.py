"""The public names of the library, read from its source: which there are, where they are defined, and what they say.

A package names its own in ``__all__``; of a module all are public that do not begin with an underscore. Nothing is
imported, so a signature says what is written: ``USD``, not what that is.
"""

# ruff: noqa: INP001 - a program beside the pages that it writes, and no package

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]

ALL: Sequence[str] = ()
"""Stands for every public name of a module."""

PAGES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "wallet_core": {
        "wallet_core": ALL,
        "wallet_core.messages": ("Message", "FINALIZED_KEY"),
        "wallet_core.body": ("message_of", "answer_body"),
        "wallet_core.audit": ("Check", "Finding", "MoneyFlow", "Summary"),
    },
    "wallet_core.ports": {
        "wallet_core.ports": ALL,
        "wallet_core.past": ("Past",),
        "wallet_core.leg_audit": ("EntryKey",),
    },
    "wallet_core.memory": {"wallet_core.memory": ALL},
    "wallet_core.testing": {
        "wallet_core.testing": ALL,
        "wallet_core.testing.clock": ("Sleeper",),
        "wallet_core.testing.plugin": ("wallet_service", "wallet_clock", "wallet_policy"),
        "wallet_core.testing.events": ALL,
        "wallet_core.testing.facts": ALL,
        "wallet_core.testing.state_table": ALL,
        "wallet_core.testing.books": ALL,
    },
    "wallet_core.testing.strategies": {
        "wallet_core.testing.strategies": ALL,
        "wallet_core.testing.wallet_machine": ALL,
    },
    "wallet_core.testing.conformance": {"wallet_core.testing.conformance": ALL},
}
"""The pages of the reference: from which modules others import, and which names."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.AnnAssign

_NOQA = re.compile(r"\s*# noqa.*")


@dataclass(frozen=True, slots=True)
class PublicName:
    """One name: where it is defined, and as what; ``docstring`` is None where there is none."""

    name: str
    module: Module
    node: Definition
    docstring: str | None

    @property
    def text(self) -> str:
        """What is written: of a function its signature with its decorators, of a class its head."""
        return self.module.text_of(self.node)

    @property
    def is_assigned(self) -> bool:
        """Whether it is a constant, an alias or a field, and no function or class."""
        return isinstance(self.node, ast.Assign | ast.AnnAssign)

    @property
    def members(self) -> list[PublicName]:
        """What a class itself defines: constructor, attributes, methods and properties, without what is private."""
        if not isinstance(self.node, ast.ClassDef):
            return []
        defined = self.module.definitions(self.node.body)
        return [each for each in defined if not each.name.startswith("_") or each.name == "__init__"]


@dataclass(frozen=True, slots=True)
class Section:
    """The names of one page that are defined in one module."""

    module: Module
    names: tuple[PublicName, ...]

    @classmethod
    def of(cls, module: Module, chosen: Sequence[str]) -> Section:
        """Choose names of a module; none chosen are all that are public."""
        names = (each for each in module.definitions(module.tree.body) if not _is_type_variable(each.node))
        public = (each for each in names if not each.name.startswith("_"))
        return cls(module, tuple(each for each in public if not chosen or each.name in chosen))


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the library, by its dotted name."""

    name: str

    @property
    def tree(self) -> ast.Module:
        """Its text, parsed. Raises FileNotFoundError when there is no such module."""
        return _parsed(self.name)[1]

    @property
    def docstring(self) -> str:
        """What it says about itself."""
        return ast.get_docstring(self.tree) or ""

    def sections(self, chosen: Sequence[str] = ALL) -> list[Section]:
        """Give its public names, all or these; those of a package in the order of its own map."""
        origins = self._origins()
        if not origins:
            return [Section.of(self, chosen)]
        files = {origin: self.docstring.find(f"{origin.rpartition('.')[2]}.py") for origin in origins}
        return [Section.of(Module(origin), origins[origin]) for origin in sorted(files, key=files.__getitem__)]

    def definitions(self, body: Sequence[ast.stmt]) -> Iterator[PublicName]:
        """
        Give what the statements of a module or class define.

        A string below an assignment is its docstring, and that of the assignments directly above it.
        """
        for position, node in enumerate(body):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield PublicName(node.name, self, node, ast.get_docstring(node))
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name):
                    yield PublicName(target.id, self, node, _string_below(body, position))

    def text_of(self, node: Definition) -> str:
        """Give the lines of a definition, of a function or class without its body."""
        first, last = node.lineno, node.end_lineno or node.lineno
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([first, *(decorator.lineno for decorator in node.decorator_list)])
            last = node.body[0].lineno - 1
        lines = _parsed(self.name)[0][first - 1 : last]
        return _NOQA.sub("", dedent("\n".join(lines)).strip())

    def _origins(self) -> Mapping[str, list[str]]:
        """Tell from which modules a package takes the names of its ``__all__``; none for a module without one."""
        exported = [each.node for each in self.definitions(self.tree.body) if each.name == "__all__"]
        names = {name for node in exported if isinstance(node, ast.Assign) for name in ast.literal_eval(node.value)}
        imports = [node for node in self.tree.body if isinstance(node, ast.ImportFrom)]
        taken = {node.module or "": [alias.name for alias in node.names if alias.name in names] for node in imports}
        return {module: chosen for module, chosen in taken.items() if chosen}


@cache
def _parsed(module: str) -> tuple[list[str], ast.Module]:
    """Read a module once: its lines, and its tree."""
    path = ROOT.joinpath(*module.split("."))
    text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
    return text.splitlines(), ast.parse(text)


def _string_below(body: Sequence[ast.stmt], position: int) -> str | None:
    """Find the string below an assignment, with nothing but other assignments on the lines between."""
    node = body[position]
    for below in body[position + 1 :]:
        if below.lineno != (node.end_lineno or node.lineno) + 1:
            return None
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            return below.value.value.strip()
        if not isinstance(below, ast.Assign | ast.AnnAssign):
            return None
        node = below
    return None


def _is_type_variable(node: Definition) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("TypeVar(")
