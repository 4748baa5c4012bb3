"""Servers that hang, die and come back: the real process says so, loses nothing, and heals without a restart.

The database is this module's own, for the tests freeze and kill it. The broker is the shared one behind a proxy, which
stops forwarding (a broker that hangs) or resets every connection (one that is gone).
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest
from pymongo import MongoClient

from adapters.embedded import Mongod
from tests.e2e.books import Document
from tests.e2e.deployment import WALLET, Deployment, Site, deployed, new_id
from tests.scenario import topup
from tests.tcp_proxy import TcpProxy, tcp_proxy

HEARTBEAT_S = 1
"""Asked for by the service: a broker that hangs is noticed after three and a bit of these (default 10)."""

GRACE_S = 2
"""Time to finish after SIGTERM (default 8)."""

EXIT_S = 4
"""What the last goodbyes and the end of the process may take besides, on a machine with other work; less than any wait
for a database that hangs (5 s and more)."""

STUBBORN = """
import asyncio
from entrypoints.service import Service

async def hang():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue

run = Service.run

async def run_beside_a_task_that_hangs(service, stop):
    service.hanging = asyncio.ensure_future(hang())
    await run(service, stop)

Service.run = run_beside_a_task_that_hangs
"""
"""Python that a process runs first: then it has a task that nothing ends, as a rollback in a database that hangs."""

TRANSACTION_LIFETIME_S = 1
"""How long MongoDB keeps a transaction whose process is gone (default 60): its wallets are blocked for that long."""


@pytest.fixture(scope="module")
def own_mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """Start a database that the tests of this module may freeze and kill; each leaves it running."""
    lifetime = ("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_LIFETIME_S}")
    with Mongod(tmp_path_factory.mktemp("own-mongod"), extra_args=lifetime) as server:
        yield server


@pytest.fixture
async def broker(rabbitmq_url: str) -> AsyncIterator[TcpProxy]:
    """Put a proxy before the broker."""
    async with tcp_proxy(rabbitmq_url) as proxy:
        yield proxy


@pytest.fixture
async def wallet(
    rabbitmq_url: str, broker: TcpProxy, own_mongod: Mongod, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    """Run a service on servers that may be stopped; its process is never started again."""
    settings = {
        "RABBITMQ_URL": f"{broker.url}?heartbeat={HEARTBEAT_S}",
        "WALLET_SHUTDOWN_GRACE_MS": str(GRACE_S * 1_000),
    }
    with MongoClient[Document](own_mongod.url(), tz_aware=True) as client:
        site = Site(rabbitmq_url, own_mongod, client, tmp_path_factory.mktemp("wallet"))
        async with deployed(site, settings) as deployment:
            pid = deployment.process.pid
            yield deployment
            assert pid == deployment.process.pid


async def test_a_database_that_hangs_turns_readiness_red_until_it_is_back(
    wallet: Deployment, own_mongod: Mongod
) -> None:
    """Red names MongoDB, liveness stays green, reads are a 503 to be tried again; what came meanwhile is applied."""
    user_id = new_id()
    await wallet.open(user_id)
    own_mongod.freeze()
    try:
        reason = await wallet.process.wait_not_ready("mongodb")
        alive = await wallet.get("/health")
        await wallet.send(topup(new_id(), user_id, 5))
    finally:
        own_mongod.thaw()
    await wallet.process.wait_ready()
    await wallet.wait_balance(user_id, "5.00")

    assert 200 == alive.status_code
    assert "127.0.0.1" not in reason


async def test_a_database_that_dies_costs_nothing(wallet: Deployment, own_mongod: Mongod) -> None:
    """Reads are a 503 with Retry-After while MongoDB is dead; when it is back, the event that waited is applied."""
    user_id, transaction_id = new_id(), new_id()
    await wallet.open(user_id)
    await wallet.send(topup(new_id(), user_id, 5))
    await wallet.wait_balance(user_id, "5.00")
    own_mongod.kill()
    try:
        await wallet.send(topup(transaction_id, user_id, 6))
        asked = asyncio.ensure_future(wallet.get(WALLET, user_id))
        await wallet.process.wait_not_ready("mongodb")
        unavailable = await asked
    finally:
        await asyncio.to_thread(own_mongod.start)
    answer = await wallet.answers.last(transaction_id)
    await wallet.process.wait_ready()

    assert (503, {"error": "Service Unavailable"}) == (unavailable.status_code, unavailable.json())
    assert int(unavailable.headers["retry-after"]) > 0
    assert answer.read.is_completed
    assert Decimal("11.00") == await wallet.balance(user_id)
    await wallet.assert_books_fit()


async def test_a_broker_that_hangs_turns_readiness_red_until_it_is_back(wallet: Deployment, broker: TcpProxy) -> None:
    """Red names RabbitMQ while it hangs, and balances are still read; what came meanwhile is applied."""
    user_id, transaction_id = new_id(), new_id()
    await wallet.open(user_id)
    broker.hold()
    await wallet.send(topup(transaction_id, user_id, 5))
    reason = await wallet.process.wait_not_ready("rabbitmq")
    balance = await wallet.balance(user_id)
    broker.release()
    await wallet.process.wait_ready()
    answer = await wallet.answers.last(transaction_id)

    assert "away" in reason
    assert Decimal("0.00") == balance
    assert answer.read.is_completed


async def test_a_broker_that_is_gone_costs_nothing(wallet: Deployment, broker: TcpProxy) -> None:
    """Without its connections the process waits and is red; when it gets new ones, what came meanwhile is applied."""
    user_id, transaction_id = new_id(), new_id()
    await wallet.open(user_id)
    broker.refuse()
    await wallet.send(topup(transaction_id, user_id, 5))
    await wallet.process.wait_not_ready("rabbitmq")
    broker.accept()
    await wallet.process.wait_ready()
    answer = await wallet.answers.last(transaction_id)

    assert answer.read.is_completed
    assert Decimal("5.00") == await wallet.balance(user_id)


async def test_a_stop_does_not_wait_for_a_database_that_hangs(wallet: Deployment, own_mongod: Mongod) -> None:
    """SIGTERM ends the process with 0 within its grace time although MongoDB answers nothing; nothing is lost."""
    user_id = new_id()
    await wallet.open(user_id)
    own_mongod.freeze()
    try:
        await wallet.send(topup(new_id(), user_id, 5))
        await wallet.neighbour.wait_ready("wallet.update.q", 0)  # it is in the hands of the process
        async with asyncio.timeout(GRACE_S + EXIT_S):
            exit_code = await wallet.process.terminate()
    finally:
        own_mongod.thaw()
    await wallet.neighbour.wait_ready("wallet.update.q", 1)

    assert 0 == exit_code


async def test_a_stop_does_not_wait_for_a_broker_that_hangs(wallet: Deployment, broker: TcpProxy) -> None:
    """SIGTERM ends the process with 0 within its grace time although RabbitMQ answers nothing."""
    await wallet.open(new_id())
    broker.hold()

    async with asyncio.timeout(GRACE_S + EXIT_S):
        exit_code = await wallet.process.terminate()

    assert 0 == exit_code


async def test_a_stop_does_not_wait_for_a_task_that_hangs(site: Site) -> None:
    """SIGTERM ends the process with 0 within its grace time although one of its tasks takes no notice."""
    async with deployed(site, started=False) as wallet:
        wallet.process.launch(before=STUBBORN, WALLET_SHUTDOWN_GRACE_MS=str(GRACE_S * 1_000))
        await wallet.process.wait_ready()
        async with asyncio.timeout(GRACE_S + EXIT_S):
            exit_code = await wallet.process.terminate()

    assert 0 == exit_code


async def test_a_second_signal_ends_at_once(wallet: Deployment, own_mongod: Mongod) -> None:
    """Who signals again while the first stop still waits for a hanging database gets the end now."""
    await wallet.open(new_id())
    own_mongod.freeze()
    try:
        pending = asyncio.ensure_future(wallet.get(WALLET, new_id()))
        wallet.process.signal(signal.SIGTERM)
        await wallet.process.wait_line("service_stopping")
        wallet.process.signal(signal.SIGTERM)
        exit_code = await wallet.process.wait_exit(timeout_s=1.0)
    finally:
        own_mongod.thaw()
    await asyncio.wait({pending})

    assert 128 + signal.SIGTERM == exit_code
    assert pending.exception() is not None
