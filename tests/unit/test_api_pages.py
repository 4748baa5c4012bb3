"""The reference of the library is what the code says, leaves out nothing, and says what a caller must know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from docs.api_pages import FOLDER, pages
from docs.public_names import PAGES, ROOT, Module, PublicName

UNIT = re.compile(r"(^|_)(minor|ms|s|seconds|max|at|id|ids|many|bytes)$")
"""Ends of a name that say what it counts (docs/glossary.md)."""

NUMBER = re.compile(r"\b(int|float|Decimal)\b")
ELSEWHERE = re.compile(r"design (rule|section)|\bcontract\b")
"""Documents that a reader of the reference has not got."""

IMPORT = re.compile(r"from (wallet_core[\w.]*) import (?:\(([^)]*)\)|(.+))")

PUBLIC: dict[str, list[PublicName]] = {
    module: [name for section in Module(module).sections(chosen) for name in section.names]
    for modules in PAGES.values()
    for module, chosen in modules.items()
}
"""What is to be imported from each module."""


def public_names() -> Iterator[tuple[str, PublicName]]:
    """Give every public name, and those of the methods and properties of classes below their class's."""
    for name in (name for names in PUBLIC.values() for name in names):
        yield name.name, name
        yield from ((f"{name.name}.{member.name}", member) for member in name.members if not member.is_assigned)


def raised_by(name: PublicName) -> set[str]:
    """Give the errors that a function raises itself, or through private functions and methods of its module."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    private = {node.name: node for node in ast.walk(name.module.tree) if isinstance(node, functions)}
    private = {called: node for called, node in private.items() if called.startswith("_")}
    waiting: list[ast.AST] = [name.node] if isinstance(name.node, functions) else []
    raised: set[str] = set()
    caught: set[str] = set()
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                raised.add(ast.unparse(node.exc.func))
            elif isinstance(node, ast.ExceptHandler) and node.type is not None:
                caught.add(ast.unparse(node.type))
            elif isinstance(node, ast.Call):
                called = private.pop(ast.unparse(node.func).removeprefix("self."), None)
                waiting += [] if called is None else [called]
    return {error for error in raised - caught if error[0].isupper()}


def types_of(name: PublicName) -> Iterator[ast.expr | None]:
    """Give the types in a signature, of fields, and in an alias."""
    node = name.node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from (node.returns, *(each.annotation for each in (*node.args.args, *node.args.kwonlyargs)))
    elif isinstance(node, ast.ClassDef):
        yield from (each.node.annotation for each in name.members if isinstance(each.node, ast.AnnAssign))
    elif isinstance(node, ast.AnnAssign):
        yield node.annotation
    elif isinstance(node.value, ast.BinOp | ast.Subscript):
        yield node.value


def numbers_of(name: PublicName) -> Iterator[str]:
    """Give the fields and parameters that hold numbers."""
    node = name.node
    typed: list[tuple[str, ast.expr | None]] = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        typed = [(each.arg, each.annotation) for each in (*node.args.args, *node.args.kwonlyargs)]
    elif isinstance(node, ast.ClassDef):
        typed = [(each.name, each.node.annotation) for each in name.members if isinstance(each.node, ast.AnnAssign)]
    yield from (each for each, type_ in typed if type_ and NUMBER.search(ast.unparse(type_)))


def ours(module: Module) -> set[str]:
    """Give the classes and aliases of the library that a module knows."""
    imports = [node for node in module.tree.body if isinstance(node, ast.ImportFrom)]
    imported = [node for node in imports if (node.module or "").startswith("wallet_core")]
    own = (name.name for section in module.sections() for name in section.names)
    return {alias.name for node in imported for alias in node.names}.union(own)


def test_the_pages_are_up_to_date() -> None:
    """docs/api is what the code says (python -m docs.api_pages)."""
    assert pages() == {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}


def test_every_public_name_says_what_it_means() -> None:
    """Each has a docstring, and none sends its reader to a document that is not there."""
    wrong = [title for title, name in public_names() if not name.docstring or ELSEWHERE.search(name.docstring)]

    assert wrong == []


def test_every_public_name_says_what_it_raises() -> None:
    """Each error that a function raises itself, or through private ones, is in its docstring."""
    silent = {
        title: [error for error in raised_by(name) if error not in (name.docstring or "")]
        for title, name in public_names()
    }

    assert {title: errors for title, errors in silent.items() if errors} == {}


def test_every_method_of_a_port_says_what_it_raises() -> None:
    """An adapter is told what it may raise, by the method or by its port, if only that it is nothing."""
    ports = [name for name in (*PUBLIC["wallet_core.ports"], *PUBLIC["wallet_core.past"]) if "(Protocol)" in name.text]
    methods = [(port, each) for port in ports for each in port.members if "@property" not in each.text]
    silent = [
        f"{port.name}.{each.name}"
        for port, each in methods
        if not re.search("[Rr]aise", f"{port.docstring} {each.docstring}")
    ]

    assert methods
    assert silent == []


def test_every_number_says_what_it_counts() -> None:
    """A field or parameter that is a number has its unit in its name, or is explained in the docstring."""
    silent = {
        title: [number for number in numbers_of(name) if not UNIT.search(number) and number not in str(name.docstring)]
        for title, name in public_names()
    }

    assert {title: numbers for title, numbers in silent.items() if numbers} == {}


def test_every_type_in_a_public_signature_is_public() -> None:
    """Whoever reads about a name finds the types that it speaks of."""
    known = {name.name for names in PUBLIC.values() for name in names}
    unknown = {
        title: {
            each.id for type_ in types_of(name) if type_ for each in ast.walk(type_) if isinstance(each, ast.Name)
        }.intersection(ours(name.module) - known)
        for title, name in public_names()
    }

    assert {title: types for title, types in unknown.items() if types} == {}


def test_every_name_that_our_pages_import_is_public() -> None:
    """The examples of the pages use what is in the reference, and nothing else of the library."""
    files = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "examples").glob("*.py")]
    imports = [(file, found) for file in files for found in IMPORT.finditer(_code(file))]
    used = {
        (found[1], name.strip()) for _, found in imports for name in (found[2] or found[3]).split(",") if name.strip()
    }

    assert used
    assert used - {(module, name.name) for module, names in PUBLIC.items() for name in names} == set()


def _code(file: Path) -> str:
    return file.read_text(encoding="utf-8").replace("...     ", "    ")
