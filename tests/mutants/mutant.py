"""A mutant: the code with one safety line removed, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    """
    One safety line and how it is removed.

    ``line`` names it; ``safe`` is the text in ``file`` that stands for it, exactly once there, and ``unsafe`` what
    stands there without it. ``tests`` are pytest's ids; at least one of them must fail.
    """

    line: str
    file: str
    safe: str
    unsafe: str
    tests: tuple[str, ...]

    def plant(self, root: Path) -> None:
        """Remove the safety line in the tree at ``root``. Raises ValueError when it is not there exactly once."""
        path = root / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.safe) != 1:
            raise ValueError(f"{self.line}: {self.file} has {text.count(self.safe)} times: {self.safe!r}")
        path.write_text(text.replace(self.safe, self.unsafe), encoding="utf-8")
