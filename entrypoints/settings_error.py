"""What is wrong with the environment, all of it at once, without the value of any setting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """One thing that is wrong: where, what, and what to do about it."""

    name: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{self.name}: {self.wrong}. {self.remedy}"


class SettingsError(Exception):
    """The environment cannot be used. ``problems`` lists all that is wrong with it; ``str()`` is for a person."""

    def __init__(self, problems: Iterable[SettingProblem]) -> None:
        """Keep the problems in the order in which they are to be read."""
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return a heading, and one line for each problem."""
        count = len(self.problems)
        heading = "1 setting is wrong:" if count == 1 else f"{count} settings are wrong:"
        return "\n".join([heading, *(f"  {problem}" for problem in self.problems)])
