"""docs/api as text: the reference of the library, made of its signatures and docstrings, so that it is never another.

``python -m docs.api_pages`` writes the folder; a test compares it with the code.
"""

# ruff: noqa: INP001 - a program beside the pages that it writes, and no package

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import dedent, indent

from docs.public_names import PAGES, Module, PublicName, Section

FOLDER = Path(__file__).parent / "api"

MARK = "<!-- Written by `python -m docs.api_pages`; a test compares it with the code. -->"

INDEX = f"""\
# Reference of the library `wallet-core`

{MARK}

What is there for others: `from wallet_core import Money`. A heading such as `money.py` says where a name is defined;
what stands above it is where to import it from. What is not here may change with any release.

- **Amounts** are `int`s of minor units (`_minor`: 1250 of USD are 12.50 dollars) or `Money`. Only messages are in major
  units.
- **Time**: `_ms` and `_s` are milliseconds and seconds. `now` and every `_at` are aware `datetime`s in UTC, whose
  microseconds are whole milliseconds.
- **Errors** are `WalletError`s, and a docstring names those to expect. An expected "no" is a value, and raises nothing.
- **Types**: all of it is typed, and checked with mypy and pyright, both strict.

| From | Names |
| --- | --- |
"""

_CODE = re.compile(r"``(.+?)``", re.DOTALL)
_IS_PYTHON = re.compile(r"@|(async def|def|class|import|from) ")


def pages() -> dict[str, str]:
    """Give the text of each file of docs/api, by its name."""
    rows = (row for page, modules in PAGES.items() for row in _index_rows(page, modules))
    return {"index.md": INDEX + "".join(rows), **{f"{page}.md": _page(modules) for page, modules in PAGES.items()}}


def write_pages(folder: Path = FOLDER) -> None:
    """Write every page, and remove what is none."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def markdown(docstring: str) -> str:
    """Write a docstring as Markdown: its code, its examples, and what it shows as it is (behind ``::``, in tables)."""
    blocks: list[str] = []
    shown: list[str] = []
    is_shown = False
    for paragraph in docstring.split("\n\n"):
        is_shown = is_shown and paragraph.lstrip("\n").startswith(" ")
        if is_shown:
            shown.append(paragraph)
            continue
        blocks += [*_as_it_is(shown), *_paragraph(paragraph)]
        shown = []
        is_shown = paragraph.endswith("::")
    return "\n\n".join([*blocks, *_as_it_is(shown)])


def _paragraph(paragraph: str) -> Iterator[str]:
    if paragraph.startswith(">>>"):
        yield f"```pycon\n{paragraph}\n\n```"  # a doctest ends with an empty line
    elif paragraph.startswith("==="):
        yield f"```text\n{paragraph}\n```"
    elif paragraph != "::":
        yield _CODE.sub(r"`\1`", re.sub("::$", ":", paragraph))


def _as_it_is(paragraphs: Sequence[str]) -> Iterator[str]:
    text = dedent("\n\n".join(paragraphs))
    if text:
        yield f"```{'python' if _IS_PYTHON.match(text) else 'text'}\n{text}\n```"


def _index_rows(page: str, modules: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name, chosen in modules.items():
        names = (f"`{each.name}`" for section in Module(name).sections(chosen) for each in section.names)
        yield f"| [{name}]({page}.md) | {', '.join(names)} |\n"


def _page(modules: Mapping[str, Sequence[str]]) -> str:
    blocks = [MARK]
    for number, (name, chosen) in enumerate(modules.items()):
        module = Module(name)
        blocks.append(f"{'##' if number else '#'} {name}")
        blocks += [] if chosen else [markdown(module.docstring)]
        for section in module.sections(chosen):
            blocks += _section(section, in_package=section.module != module)
    return "\n\n".join(blocks) + "\n"


def _section(section: Section, *, in_package: bool) -> Iterator[str]:
    if in_package:
        yield f"## {section.module.name.rpartition('.')[2]}.py"
        yield markdown(section.module.docstring.partition("\n\n")[0])
    # Constants that share a docstring stand above it together, as they do in the code.
    for _, together in groupby(section.names, key=lambda each: (each.is_assigned, each.docstring or each.name)):
        yield from _entry(list(together))


def _entry(names: Sequence[PublicName]) -> Iterator[str]:
    fields = [each for each in names[0].members if each.is_assigned]
    methods = [each for each in names[0].members if not each.is_assigned]
    told = [_member(each, names[0]) for each in (*fields, *methods) if each.docstring]
    code = [*(each.text for each in names), *(indent(each.text, "    ") for each in fields)]
    yield f"### {', '.join(each.name for each in names)}"
    yield "\n".join(["```python", *code, "```"])
    yield markdown(names[0].docstring or "")
    if told:
        yield "\n".join(told).rstrip()


def _member(member: PublicName, owner: PublicName) -> str:
    text = markdown(member.docstring or "")
    if member.is_assigned or member.name.startswith("test_"):
        return f"- `{member.name}`: {indent(text, '  ').lstrip()}"
    return f"- `{_call(member, owner)}`\n\n{indent(text, '  ')}\n"


def _call(method: PublicName, owner: PublicName) -> str:
    """Write a method on one line, as it is called: without ``self``; a property as an attribute."""
    line = re.sub(r"\(\s+", "(", re.sub(r",?\s+\)", ")", method.text.rstrip(":")))
    line = re.sub(r"\((self|cls)(, )?", "(", re.sub(r"\s+", " ", line))
    before, _, rest = line.rpartition("def ")
    if "@property" in method.text:
        return rest.replace("() ->", ":")
    if method.name == "__init__":
        return rest.replace("__init__", owner.name).removesuffix(" -> None")
    if "@classmethod" in method.text:
        return f"{owner.name}.{rest}"
    return f"await {rest}" if before.endswith("async ") else rest


if __name__ == "__main__":
    write_pages()
