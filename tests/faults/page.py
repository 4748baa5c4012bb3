"""The tables of ``docs/reliability.md``, written from the results of real runs.

::

    nox -s faults                     runs every fault test, writes docs/reliability/faults.json, then the tables
    python -m tests.faults.page       writes the tables again from the JSON files beside the page

What stands between ``<!-- faults -->`` and ``<!-- end -->``, and between ``<!-- soak -->`` and ``<!-- end -->``, is
replaced; the rest of the page is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reliability.md"
FAULTS = DOCS / "reliability" / "faults.json"
SOAK = DOCS / "reliability" / "soak.json"

Row = Mapping[str, object]


def fault_table(rows: Sequence[Row]) -> str:
    """Write one line for each scenario, in the order of the ids; several runs of one test are one line."""
    lines = ["| Test | Fault | How it is injected | Invariants checked | Result |", "|---|---|---|---|---|"]
    merged: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        merged.setdefault((str(row["id"]), str(row["fault"]), str(row["how"])), []).append(row)
    for (id_, fault, how), runs in sorted(merged.items(), key=lambda item: (_number(item[0][0]), item[0])):
        results = {str(run["result"]) for run in runs}
        result = results.pop() if len(results) == 1 else "failed"
        times = f" {len(runs)} x" if len(runs) > 1 else ""
        lines.append(f"| {id_} | {fault} | {how} | {_held(runs[0])} | {result}{times} |")
    return "\n".join(lines)


def soak_table(result: Mapping[str, object]) -> str:
    """Write the numbers of a soak."""
    samples = _rows(result["survivor"])
    first, last = samples[0], samples[-1]
    transactions = _counts(result["transactions"])
    facts = {
        "Commit": result["commit"],
        "Seed": result["seed"],
        "Minutes": result["minutes"],
        "Events in (confirmed to their publishers)": result["events_in"],
        "of them duplicates": result["duplicates"],
        "Transactions applied": transactions.get("applied", 0),
        "refused": transactions.get("refused", 0),
        "reversed": transactions.get("reversed", 0),
        "void (failed before they completed)": transactions.get("void", 0),
        "Dead letters": sum(_counts(result["dead_lettered"]).values()),
        "Answers read": result["answers"],
        "different ones": result["answers_distinct"],
        "Faults injected": result["faults"],
        "kills survived": result["kills_survived"],
        "Checkpoints, all invariants at each": result["checkpoints"],
        "Drift of all balances, minor units": result["drift_minor"],
        "Resident memory of the process that was never ended, MiB": f"{first['resident_mib']} → {last['resident_mib']}",
        "Open files and sockets of it": f"{first['handles']} → {last['handles']}",
    }
    lines = ["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in facts.items())]
    kinds = ", ".join(f"{name} {count}" for name, count in _counts(result["faults_by_kind"]).items())
    return "\n".join([*lines, "", f"Faults by kind: {kinds}."])


def with_table(page: str, name: str, table: str) -> str:
    """Put a table between the marks of ``name``."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    assert marks.search(page), f"the page has no mark <!-- {name} -->"
    return marks.sub(lambda found: f"{found[1]}{table}\n{found[2]}", page)


def written(page: str) -> str:
    """Give the page with the tables of the results that are there."""
    if FAULTS.exists():
        page = with_table(page, "faults", fault_table(json.loads(FAULTS.read_text(encoding="utf-8"))))
    if SOAK.exists():
        page = with_table(page, "soak", soak_table(json.loads(SOAK.read_text(encoding="utf-8"))))
    return page


def main() -> None:
    """Write the page again."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _held(row: Row) -> str:
    held = row["held"]
    assert isinstance(held, list)
    return _ranges([_number(str(name)) for name in held]) or "its own"


def _ranges(numbers: Sequence[int]) -> str:
    """Write ``I1-I3 I5`` for 1, 2, 3, 5."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return " ".join(f"I{part[0]}" if len(part) == 1 else f"I{part[0]}-I{part[-1]}" for part in parts)


def _number(name: str) -> int:
    found = re.search(r"\d+", name)
    return int(found[0]) if found else 0


def _counts(value: object) -> Mapping[str, int]:
    assert isinstance(value, dict)
    return value


def _rows(value: object) -> Sequence[Row]:
    assert isinstance(value, list)
    return value


if __name__ == "__main__":
    main()
