"""docs/configuration.md as text: one row for each setting, so that the page cannot differ from the code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_OPENING = """\
# Configuration

<!-- Written by `python -m entrypoints.settings > docs/configuration.md`; a test compares it with the code. -->

Every setting is an environment variable. None is required: the defaults are those of the system's documents. An empty
variable counts as not set. All of them are checked before anything starts; what is wrong is listed at once, without
any value, and the process ends with exit code 2:

    $ PORT=high WALLET_BATCHMAX=10 wallet run
"""

_SYSTEM = """
## Settings that the system already defines

Their names and meanings are those of the service that this one replaces, so a deployment keeps what it has.
"""

_OURS = """
## Settings of this service
"""

_STEPS = """
## Steps

The moments at which a test can make a process fail; a process of production reaches them too, and takes no notice.

| Step | What is done |
| --- | --- |
"""

_CLOSING = """
## Read or refused

- A second name that is set together with the first one, to something else, is an error.
- An unknown `WALLET_` variable is an error, so that a typing mistake cannot pass for a default. Left alone are
  `WALLET_TEST_*` (read by the tests) and what Kubernetes and Docker put beside a service named `wallet`
  (`WALLET_SERVICE_HOST`, `WALLET_PORT=tcp://...` and their kind).
- `NODE_ENV` and `LOKI_URL`, which v1 deployments set, are ignored.
- Where a command names `DATABASE_URL` or `RABBITMQ_URL`, it leaves out password and query; the log names neither.
"""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as the page shows it. ``names`` holds the name that counts first; the texts are Markdown."""

    names: tuple[str, ...]
    default: str
    accepts: str
    meaning: str

    def __str__(self) -> str:
        """Return one row of a table."""
        first, *others = (f"`{name}`" for name in self.names)
        name = first if not others else f"{first}, also {', '.join(others)}"
        return f"| {name} | `{self.default}` | {self.accepts} | {self.meaning} |"


def configuration_page(
    rows: Sequence[SettingRow], our_prefix: str, steps: Mapping[str, str], wrong_example: str
) -> str:
    """Return the page. ``wrong_example`` is what its opening example prints; ``our_prefix`` parts the two tables."""
    ours = [row for row in rows if _is_ours(row, our_prefix)]
    systems = [row for row in rows if not _is_ours(row, our_prefix)]
    example = "".join(f"    {line}\n" for line in wrong_example.splitlines())
    step_rows = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in steps.items())
    return "".join([_OPENING, example, _SYSTEM, _table(systems), _OURS, _table(ours), _STEPS, step_rows, _CLOSING])


def _is_ours(row: SettingRow, our_prefix: str) -> bool:
    return row.names[0].startswith(our_prefix)


def _table(rows: Iterable[SettingRow]) -> str:
    lines = ["", "| Setting | Default | Accepts | Meaning |", "| --- | --- | --- | --- |", *map(str, rows)]
    return "\n".join(lines) + "\n"
