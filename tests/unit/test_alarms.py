"""The table of alarms names only signs that the service gives."""

import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from adapters.clock import SystemClock
from adapters.http.metrics import HttpMetrics
from entrypoints.metrics import EventMetrics, OutboxMetrics, StoreMetrics, metrics_registry

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"
HEADING = "## What each alarm means, and what to type\n"
COMMAND = "wallet "
"""What begins so is a command; ``test_documentation.py`` looks for it."""


def signs() -> list[str]:
    """Give every name in the first column of the table."""
    section = PAGE.read_text(encoding="utf-8").split(HEADING)[1].split("\n## ")[0]
    first_columns = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")]
    found = [name for column in first_columns for name in re.findall(r"`([^`]+)`", column)]
    return [name for name in found if not name.startswith(COMMAND)]


def metric_names() -> set[str]:
    """Give the name of every metric, as a scrape shows it."""
    registry = metrics_registry()
    EventMetrics(registry)
    StoreMetrics(registry)
    OutboxMetrics(registry, SystemClock())
    HttpMetrics(registry)
    described = generate_latest(registry).decode()
    names = re.findall(r"^# TYPE (\S+) (\S+)$", described, re.MULTILINE)
    return {name for name, _ in names} | {f"{name}_count" for name, kind in names if kind == "histogram"}


def source() -> str:
    """Give the text of everything that a process runs."""
    files = [file for folder in ("adapters", "entrypoints") for file in (ROOT / folder).rglob("*.py")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("sign", sorted(set(signs())))
def test_each_sign_is_given(sign: str) -> None:
    """A metric is registered; a reason of readiness, a component or an event of the log is in the source."""
    name = sign.partition("{")[0]
    if name.startswith(("wallet_", "http_requests")):
        assert name in metric_names()
    elif name in ("parking_failed", "returning_failed"):
        assert f'"{name.removesuffix("_failed")}"' in source()
    else:
        assert re.search(rf'"[^"\n]*{re.escape(name)}[^"\n]*"', source())


def test_each_metric_of_ours_that_may_alarm_is_in_the_table() -> None:
    """What is not there is only looked at: sizes, durations, and what the alarms are compared with."""
    looked_at = {
        "wallet_batch_size",
        "wallet_batch_duration_seconds",
        "wallet_publish_duration_seconds",
        "wallet_broker_disconnects_total",
        "wallet_outbox_rows",
    }
    ours = {name for name in metric_names() if name.startswith("wallet_") and not name.endswith("_count")}

    assert ours - looked_at <= {sign.partition("{")[0] for sign in signs()}
