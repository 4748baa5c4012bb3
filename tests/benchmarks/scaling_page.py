"""The tables of ``docs/scaling.md``: what was measured, and what the model makes of it.

::

    python -m tests.benchmarks.scaling_page        writes them into the page again

Each stands between two comments of the page that name it; a test compares the page with the measured file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.measured import FILE
from tests.benchmarks.results import load
from tests.benchmarks.scaling_model import SHARDS_MAX, Commit, Load, Measured, Plan, fitted, plan

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"

LOADS = (Load(1_000, 1_000_000), Load(10_000, 10_000_000), Load(100_000, 100_000_000))

TYPICAL = "100,000 wallets"
"""The drain that the model takes the processor times from: so many wallets that few transfers meet in one."""

ALONE = "one process"

SMALL_UNITS = "two on the shared queue, `WALLET_BATCH_MAX=50`"
"""The drain of small units of work that hardly meet: what it costs more is the cost of a unit."""

Found = Mapping[str, Any]

_BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def measured_of(found: Found) -> Measured:
    """Give the model what was measured."""
    drains, of_a_transfer = found["partitions"]["found"][TYPICAL], found["bytes"]["of_a_transfer"]
    drained, small = drains[ALONE], drains[SMALL_UNITS]
    more_us = small["cpu_us"]["wallet"] - drained["cpu_us"]["wallet"]
    costs = found["shard_commits"]["costs"]
    commits = {
        untargeted: [
            Commit(one["shards"], one["batch"], one["cpu_us"]) for one in costs if one["untargeted"] is untargeted
        ]
        for untargeted in (False, True)
    }
    return Measured(
        wallet_us=drained["cpu_us"]["wallet"],
        wallet_unit_us=more_us / (1 / small["transfers_per_batch"] - 1 / drained["transfers_per_batch"]),
        mongod_us=drained["cpu_us"]["mongod"],
        rabbitmq_us=drained["cpu_us"]["rabbitmq"],
        batch=drained["transfers_per_batch"],
        relay_per_s=found["relay"]["rate_per_s"],
        commit=fitted(commits[False], commits[True]),
        transfer_disk_bytes=sum(map(_on_disk, of_a_transfer.values())),
        oplog_bytes=found["bytes"]["oplog_of_a_transfer"],
        wallet_disk_bytes=_on_disk(found["bytes"]["of_a_wallet"]),
    )


def partitions_table(found: Found) -> list[str]:
    """Write what two processes make of one load, by how it is dealt."""
    head = (
        "Load",
        "Arrangement",
        "transfers/s",
        "races lost by a batch",
        "transfers in a batch",
        "wallet µs",
        "mongod µs",
    )
    rows = [
        (
            shape if number == 0 else "",
            arrangement,
            f"{one['rate_per_s']:,}",
            f"{one['conflicts_per_batch']:.2f}",
            f"{one['transfers_per_batch']}",
            f"{one['cpu_us']['wallet']}",
            f"{one['cpu_us']['mongod']}",
        )
        for shape, by_name in found["partitions"]["found"].items()
        for number, (arrangement, one) in enumerate(by_name.items())
    ]
    return _table(head, rows, left=2)


def commits_table(found: Found) -> list[str]:
    """Write what a transfer costs the database, by shards and batch; in brackets with untargeted changes."""
    costs = {(one["batch"], one["shards"], one["untargeted"]): one for one in found["shard_commits"]["costs"]}
    batches = list(dict.fromkeys(batch for batch, _, _ in costs))
    shards = list(dict.fromkeys(number for _, number, _ in costs))
    head = ("Transfers in a unit of work", *(f"{number} shard{'s' if number > 1 else ''}" for number in shards))

    def cell(batch: int, number: int) -> str:
        untargeted = costs.get((batch, number, True))
        also = "" if untargeted is None else f" ({untargeted['cpu_us']:.0f})"
        return f"{costs[batch, number, False]['cpu_us']:.0f}{also}"

    return _table(head, [(str(batch), *(cell(batch, number) for number in shards)) for batch in batches], left=0)


def bytes_table(found: Found) -> list[str]:
    """Write what a transfer and a wallet leave behind."""
    one = found["bytes"]
    head = ("Bytes", "documents", "on the disk, compressed", "indexes on the disk")
    things = {
        "two entries": one["of_a_transfer"]["entries"],
        "a transaction": one["of_a_transfer"]["transactions"],
        "a wallet": one["of_a_wallet"],
    }
    rows = [
        (name, *(f"{thing[part]:,}" for part in ("documents", "documents_on_disk", "indexes_on_disk")))
        for name, thing in things.items()
    ]
    return _table(head, rows, left=1)


def relay_table(found: Found) -> list[str]:
    """Write what one relay does."""
    one = found["relay"]
    rows = [("one relay, nothing else to do", f"{one['rate_per_s']:,}", f"{one['cpu_us']}")]
    return _table(("", "answers/s", "wallet µs for an answer"), rows, left=1)


def model_table(found: Found) -> list[str]:
    """Write what each load takes."""
    measured = measured_of(found)
    plans = [plan(one, measured) for one in LOADS]
    head = ("", *(f"{one.transfers_per_s:,.0f}/s, {one.wallets // 1_000_000} million wallets" for one in LOADS))
    return _table(head, [(what, *map(shown, plans)) for what, shown in MODELLED.items()], left=1)


MODELLED: Mapping[str, Callable[[Plan], str]] = {
    "processes `wallet consume`, a core each": lambda one: f"{one.processes}",
    "partitions (a queue for each kind of event)": lambda one: f"{one.partitions or 'none needed'}",
    "`WALLET_BATCH_MAX`": lambda one: f"{one.batch}",
    "others that a unit of work meets on a wallet, at worst": lambda one: f"{one.meetings:.2f}",
    "relays (today there is one)": lambda one: f"{one.relays}",
    "RabbitMQ nodes": lambda one: f"{one.brokers}",
    "MongoDB shards": lambda one: f"{one.shards}",
    "the same, while changes of wallets go to every shard": lambda one: (
        f"more than {SHARDS_MAX}" if one.shards_untargeted is None else f"{one.shards_untargeted}"
    ),
    "machines for MongoDB": lambda one: f"{one.mongod_machines}",
    "disk per day and copy, at this rate all day": lambda one: f"{one.disk_tb_per_day:.2g} TB",
    "days until the shards' disks are full": lambda one: f"{one.disk_days:,.0f}",
    "all wallets, one copy": lambda one: f"{one.wallets_gb:,.1f} GB",
    "oplog to each secondary, all shards": lambda one: f"{one.replication_mb_per_s:,.0f} MB/s",
}

TABLES: Mapping[str, Callable[[Found], list[str]]] = {
    "partitions": partitions_table,
    "commits": commits_table,
    "bytes": bytes_table,
    "relay": relay_table,
    "model": model_table,
}


def written(page: str, found: Found) -> str:
    """Give the page with its tables as the measured file wants them."""

    def table(block: re.Match[str]) -> str:
        return "\n".join([block[1].rstrip(), "", *TABLES[block[2]](found), "", block[3]])

    return _BLOCK.sub(table, page)


def _on_disk(part: Found) -> float:
    return float(part["documents_on_disk"] + part["indexes_on_disk"])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> list[str]:
    """Write Markdown; the first columns are texts, the others numbers."""
    line = [*["---"] * left, *["---:"] * (len(head) - left)]
    return [f"| {' | '.join(cells)} |" for cells in (head, line, *rows)]


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), load(FILE)), encoding="utf-8")


if __name__ == "__main__":
    main()
