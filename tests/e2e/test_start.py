"""Starts: what is wrong is said at once and in one list; what is only away is waited for."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from decimal import Decimal

import pytest
from aio_pika import ExchangeType
from bson import ObjectId
from yarl import URL

from adapters.embedded import Mongod
from adapters.embedded.free_port import LOOPBACK, free_ports
from adapters.rabbitmq.event_publisher import event_publisher
from adapters.rabbitmq.topology import AUTH_EXCHANGE, FINALIZED_QUEUE, INPUT_QUEUES, TRANSACTION_EXCHANGE, Topology
from tests.e2e.console import run_wallet
from tests.e2e.deployment import Site, deployed, new_id
from tests.neighbour import Neighbour, body_of
from tests.scenario import signup, topup
from tests.tcp_proxy import TcpProxy

SECRET = "hunter2"
NOBODY_THERE = {
    "DATABASE_URL": f"mongodb://wallet:{SECRET}@127.0.0.1:1/mint_wallet",
    "RABBITMQ_URL": f"amqp://wallet:{SECRET}@127.0.0.1:1",
    "HOST": LOOPBACK,
}
GRACE_S = 8.0
"""Default of WALLET_SHUTDOWN_GRACE_MS, seconds."""


@pytest.fixture
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """Start a database as v1's compose file runs it: not a replica set."""
    with Mongod(tmp_path_factory.mktemp("standalone"), replica_set=None) as server:
        yield server


async def test_all_that_is_wrong_is_said_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wrong settings are one list on standard error, exit code 2, no traceback, and no value of any of them."""
    done = await run_wallet(
        tmp_path_factory.mktemp("wallet"),
        "run",
        PORT="high",
        DATABASE_URL=f"mongodb://root:{SECRET}@mongodb:27017/",
        RABBITMQ_URL=f"http://guest:{SECRET}@rabbitmq",
        WALLET_BATCHMAX="10",
        JWT_ISS="a",
        JWT_ISSUER="b",
    )

    heading, *problems = done.stderr.splitlines()
    assert (2, "", "5 settings are wrong:") == (done.returncode, done.stdout, heading)
    assert ["DATABASE_URL", "JWT_ISS", "PORT", "RABBITMQ_URL", "WALLET_BATCHMAX"] == sorted(
        line.split()[0].rstrip(":") for line in problems
    )
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr


async def test_a_port_in_use_is_said_in_one_sentence(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Somebody else's port ends the start with 2, before any server is asked."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        done = await run_wallet(tmp_path_factory.mktemp("wallet"), "run", PORT=port, **NOBODY_THERE)

    assert 2 == done.returncode
    assert f"cannot listen on {LOOPBACK}:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr


async def test_a_standalone_database_is_refused_with_what_mends_it(
    standalone: Mongod, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A database without transactions ends the start with 2, and the message is the way to a replica set."""
    settings = {**NOBODY_THERE, "DATABASE_URL": standalone.url("mint_wallet"), "PORT": str(free_ports(1)[0])}

    done = await run_wallet(tmp_path_factory.mktemp("wallet"), "run", **settings)

    assert 2 == done.returncode
    assert "standalone" in done.stderr
    assert "--replSet" in done.stderr
    assert "rs.initiate" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_v1_database_is_not_touched_before_it_is_migrated(site: Site) -> None:
    """Wallets of v1 end the start with 2 and the name of the command that adopts them; they stay as they are."""
    async with deployed(site, started=False) as wallet:
        v1 = {"_id": ObjectId(), "userId": ObjectId(), "balance": 12.5, "__v": 0}
        wallet.books.database["wallets"].insert_one(dict(v1))

        wallet.process.launch()
        exit_code = await wallet.process.wait_exit()

        assert 2 == exit_code
        assert "wallet migrate" in wallet.process.log
        assert "Traceback" not in wallet.process.log
        assert [v1] == wallet.books.facts()["wallets"]


async def test_books_of_another_currency_are_not_touched(site: Site) -> None:
    """A changed WALLET_CURRENCY ends the start with 2 and its name, before it can take cents for something else."""
    async with deployed(site) as wallet:
        await wallet.open(new_id())
        await wallet.process.terminate()

        wallet.process.launch(WALLET_CURRENCY="JPY")
        exit_code = await wallet.process.wait_exit()

        assert 2 == exit_code
        assert "WALLET_CURRENCY" in wallet.process.log


async def test_a_broker_that_comes_later_is_waited_for(site: Site) -> None:
    """Without a broker the process lives, is not ready and says why; when the broker is there, it works."""
    port, user_id = free_ports(1)[0], new_id()
    later = str(URL(site.rabbitmq_url).with_port(port))
    async with deployed(site, {"RABBITMQ_URL": later}, started=False) as wallet:
        wallet.process.launch()
        reason = await wallet.process.wait_not_ready("rabbitmq")
        await wallet.process.wait_line("rabbitmq_away")
        healthy = await wallet.get("/health")
        proxy = TcpProxy(URL(site.rabbitmq_url))
        server = await asyncio.start_server(proxy.serve, LOOPBACK, port)
        await wallet.process.wait_ready()
        await wallet.open(user_id)
        exit_code = await wallet.process.terminate()
        server.close()
        await proxy.end()

    assert "away" in reason
    assert 200 == healthy.status_code
    assert 0 == exit_code


async def test_a_database_that_comes_later_is_waited_for(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without a database the process lives and takes no event; when the database is there, it prepares it and works."""
    late, user_id = Mongod(tmp_path_factory.mktemp("late-mongod")), new_id()
    async with deployed(site, {"DATABASE_URL": late.url("mint_wallet")}, started=False) as wallet:
        wallet.process.launch()
        reason = await wallet.process.wait_not_ready("mongodb")
        try:
            await asyncio.to_thread(late.start)
            await wallet.process.wait_ready()
            await wallet.open(user_id)
            exit_code = await wallet.process.terminate()
        finally:
            await asyncio.to_thread(late.stop)

    assert reason
    assert 0 == exit_code


async def test_exchanges_of_somebody_else_are_taken_as_they_are(site: Site) -> None:
    """Exchanges that a neighbour has declared ``topic`` are used; money moves and answers come."""
    user_id, transaction_id = new_id(), new_id()
    async with deployed(site, {"INITIAL_WALLET_BALANCE": "2.50"}, started=False) as wallet:
        channel = await wallet.neighbour.channel()
        for name in (AUTH_EXCHANGE, TRANSACTION_EXCHANGE):
            await channel.declare_exchange(name, ExchangeType.TOPIC, durable=True)
        await wallet.process.start()

        warning = await wallet.process.wait_line("setting")
        await wallet.send(signup(user_id), topup(transaction_id, user_id, 1))
        answer = await wallet.answers.last(transaction_id)

        assert answer.read.is_completed
        assert Decimal("3.50") == await wallet.balance(user_id)
        assert "INITIAL_WALLET_BALANCE" in str(warning["warning"])


async def test_a_v1_service_can_start_beside_us(site: Site) -> None:
    """What each v1 service asserts when it starts, it gets from the topology that we have made: no 406."""
    async with deployed(site) as wallet:
        await assert_as_v1(wallet.neighbour)

        assert 0 == await wallet.process.terminate()


async def assert_as_v1(neighbour: Neighbour) -> None:
    """Declare exchanges as direct and queues without arguments. Raises ChannelPreconditionFailed."""
    channel = await neighbour.channel()
    for name in (AUTH_EXCHANGE, TRANSACTION_EXCHANGE):
        await channel.declare_exchange(name, ExchangeType.DIRECT, durable=True)
    for name in (*(queue.name for queue in INPUT_QUEUES), FINALIZED_QUEUE):
        await channel.declare_queue(name, durable=True)


async def test_a_stop_under_load_loses_and_doubles_nothing(site: Site) -> None:
    """SIGTERM amid five hundred top-ups: exit 0 within the grace time; the next process applies the rest, each once."""
    user_id, ids = new_id(), [new_id() for _ in range(500)]
    events = [topup(id_, user_id, 1) for id_ in ids]
    async with deployed(site, {"WALLET_BATCH_MAX": "10"}) as wallet:
        await wallet.open(user_id)
        wallet.process.freeze()
        async with event_publisher(site.rabbitmq_url, Topology()) as publisher:
            await publisher.publish_many([(event.subject, body_of(event)) for event in events])
        wallet.process.thaw()
        await wallet.answers.about(ids[0])
        wallet.process.signal(signal.SIGTERM)
        exit_code = await wallet.process.wait_exit(GRACE_S)
        left = await wallet.neighbour.ready("wallet.update.q")

        await wallet.process.start(WALLET_BATCH_MAX="500")
        await wallet.wait_balance(user_id, f"{len(ids)}.00")
        await wallet.wait_rest()
        await wallet.answers.look()

        assert 0 == exit_code
        assert left
        assert set(ids) == {answer.read.transaction_id for answer in wallet.answers.all}
        await wallet.assert_books_fit()
