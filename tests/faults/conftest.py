"""The servers and the stage of the fault tests, and the record of what was injected and what held.

``@pytest.mark.fault(id, fault, how)`` says what a test injects and by what means; the invariants that the checker found
to hold are added when it runs. ``--fault-report FILE`` writes all of it as JSON, from which the table of
``docs/reliability.md`` is made. ``@pytest.mark.quick`` puts a test into the choice that plain ``nox`` runs.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from adapters.embedded import Mongod, RabbitMQ
from adapters.mongo.driver import Driver
from tests.faults.scene import Document, Servers
from tests.faults.stage import Stage

TRANSACTION_LIFETIME_S = 15
"""How long the server keeps a transaction that nobody ends (default 60), as docs/operations.md advises."""

_REPORT = pytest.StashKey[list[dict[str, object]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the report."""
    parser.addoption("--fault-report", type=Path, help="Write what was injected and what held to this file.")


def pytest_configure(config: pytest.Config) -> None:
    """Begin the report."""
    config.stash[_REPORT] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take down each fault test when it has run."""
    report = yield
    if call.when == "call":
        for marker in item.iter_markers("fault"):
            id_, fault, how = marker.args
            held = sorted({str(name) for key, name in item.user_properties if key == "held"}, key=_invariant_number)
            line = {"id": id_, "fault": fault, "how": how, "held": held, "result": report.outcome}
            item.config.stash[_REPORT].append(
                {**line, "seconds": round(report.duration, 1), "test": report.nodeid.partition("[")[0]}
            )
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report."""
    file = session.config.getoption("--fault-report", default=None)
    if file is not None:
        file.write_text(json.dumps(session.config.stash[_REPORT], indent=1) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start a database and a broker that every scenario may freeze and kill."""
    lifetime = ("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_LIFETIME_S}")
    folder = tmp_path_factory.mktemp("faults")
    with (
        Mongod(folder / "mongod", fault_injection=True, extra_args=lifetime) as mongod,
        RabbitMQ(folder / "rabbitmq") as rabbitmq,
        MongoClient[Document](mongod.url(), tz_aware=True, appname="test") as mongo,
    ):
        yield Servers(mongod, rabbitmq, mongo)


@pytest.fixture
def stage(servers: Servers, tmp_path: Path, driver: Driver, request: pytest.FixtureRequest) -> Stage:
    """Give the place where a test plays its scenes; what held is noted in its report."""

    def checked(names: tuple[str, ...]) -> None:
        request.node.user_properties.extend(("held", name) for name in names)

    return Stage(servers, tmp_path, checked, driver=driver)


def _invariant_number(name: str) -> int:
    return int(name.removeprefix("I"))
