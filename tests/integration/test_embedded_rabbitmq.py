"""The private RabbitMQ: answers when started, back after a crash, gone when stopped."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aio_pika
import psutil
import pytest

from adapters.embedded import CommandRefused, RabbitMQ, ServerFailed, ServerMissing, find_rabbitmq
from tests.integration.processes import WAIT_S, descendants, is_gone, wait_until

QUEUE = "kept.q"
BODY = b"kept"


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """Run a broker; each test leaves it running."""
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq")) as broker:
        yield broker


def at_home_in(folder: Path) -> list[psutil.Process]:
    """Return all processes, of whatever parent, that were started with this home."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("HOME") == str(folder):
                found.append(process)
    return found


async def connect(url: str, timeout_s: float = WAIT_S) -> None:
    """Open a connection to a virtual host and close it again."""
    connection = await aio_pika.connect(url, timeout=timeout_s)
    await connection.close()


async def declare_queue(url: str) -> None:
    """Declare the durable queue."""
    async with await aio_pika.connect(url, timeout=WAIT_S) as connection, connection.channel() as channel:
        await channel.declare_queue(QUEUE, durable=True, timeout=WAIT_S)


async def keep_message(url: str) -> None:
    """Leave one persistent message, confirmed by the broker, in the durable queue."""
    await declare_queue(url)
    async with await aio_pika.connect(url, timeout=WAIT_S) as connection, connection.channel() as channel:
        message = aio_pika.Message(BODY, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, QUEUE, timeout=WAIT_S)


async def kept_message(url: str) -> bytes:
    """Read the kept message and leave it in its queue."""
    async with await aio_pika.connect(url, timeout=WAIT_S) as connection, connection.channel() as channel:
        queue = await channel.get_queue(QUEUE)
        message = await queue.get(timeout=WAIT_S)
        await message.nack(requeue=True)
        return message.body


def test_missing_rabbitmq_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no RabbitMQ at all, the error names the command that brings one."""
    monkeypatch.setattr("adapters.embedded.rabbitmq.PACKAGE_SCRIPT", tmp_path / "rabbitmq-server")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerMissing, match="apt-get install rabbitmq-server"):
        RabbitMQ(tmp_path)


def test_rabbitmq_on_the_path_is_the_second_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no package has put its start script, it is taken from the PATH."""
    (tmp_path / "rabbitmq-server").touch(mode=0o755)
    monkeypatch.setattr("adapters.embedded.rabbitmq.PACKAGE_SCRIPT", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_rabbitmq() == tmp_path / "rabbitmq-server"


def test_everything_listens_on_the_loopback_only(rabbitmq: RabbitMQ) -> None:
    """Neither the broker nor its name server can be reached from another machine."""
    sockets = [socket for process in descendants() for socket in process.net_connections(kind="tcp")]

    listening = {socket.laddr for socket in sockets if socket.status == psutil.CONN_LISTEN}

    assert rabbitmq.port in {address.port for address in listening}
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}


def test_added_vhosts_can_be_used_and_deleted(rabbitmq: RabbitMQ) -> None:
    """Virtual hosts of any name are made in one call, guest may work in them, and they end in one call."""
    names = ("plain", """it's "odd" >>/é""")
    rabbitmq.add_vhosts(*names)
    for name in names:
        asyncio.run(keep_message(rabbitmq.url(name)))

    rabbitmq.delete_vhosts(*names)

    left = rabbitmq.ctl("--quiet", "list_vhosts").splitlines()
    assert "/" in left
    assert not set(names) & set(left)


def test_existing_vhost_is_kept(rabbitmq: RabbitMQ) -> None:
    """Adding a virtual host again changes nothing in it."""
    rabbitmq.add_vhosts("twice")
    asyncio.run(keep_message(rabbitmq.url("twice")))

    rabbitmq.add_vhosts("twice")

    assert asyncio.run(kept_message(rabbitmq.url("twice"))) == BODY


def test_vhosts_are_added_without_erl_call(rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where erl_call is not installed, rabbitmqctl does the same."""
    monkeypatch.setenv("PATH", "")

    rabbitmq.add_vhosts("by-rabbitmqctl")

    asyncio.run(connect(rabbitmq.url("by-rabbitmqctl")))


def test_refused_expression_is_told(rabbitmq: RabbitMQ) -> None:
    """Deleting a virtual host that does not exist is an error with the broker's answer."""
    with pytest.raises(CommandRefused, match="no_such_vhost"):
        rabbitmq.delete_vhosts("nowhere")


def test_rabbitmqctl_answers_for_this_broker(rabbitmq: RabbitMQ) -> None:
    """The command rabbitmqctl talks to the private broker, and its refusal is an error with what it said."""
    assert rabbitmq.ctl("--quiet", "eval", "os:getpid().").strip().strip('"') == str(rabbitmq.pid)

    with pytest.raises(CommandRefused, match="Command 'nonsense' not found"):
        rabbitmq.ctl("nonsense")


def test_rabbitmqctl_starts_no_name_server(tmp_path: Path) -> None:
    """A command to a broker that does not run says so, and does not leave an epmd behind, as it does by default."""
    broker = RabbitMQ(tmp_path)

    with pytest.raises(ServerFailed, match="is not running"):
        broker.ctl("status")

    assert at_home_in(tmp_path) == []


def test_frozen_broker_answers_again_after_the_thaw(rabbitmq: RabbitMQ) -> None:
    """A frozen broker lets nobody in, and everybody once it is thawed."""
    rabbitmq.freeze()
    with pytest.raises(TimeoutError):
        asyncio.run(connect(rabbitmq.url(), timeout_s=0.3))
    rabbitmq.thaw()

    asyncio.run(connect(rabbitmq.url()))


def test_port_of_another_broker_is_refused(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    """On a port where another broker answers, the start fails, says so, and leaves no name server."""
    before = descendants()
    second = RabbitMQ(tmp_path, rabbitmq.port)

    with pytest.raises(ServerFailed, match=f"cannot have port {rabbitmq.port}: it is in use"):
        second.start()

    assert [process for process in descendants() if process not in before] == []


def test_second_start_does_not_harm_the_running_broker(rabbitmq: RabbitMQ) -> None:
    """A second start is refused, and the running broker stays."""
    pid = rabbitmq.pid

    with pytest.raises(ServerFailed, match="already running"):
        rabbitmq.start()

    assert rabbitmq.pid == pid
    asyncio.run(connect(rabbitmq.url()))


def test_crashed_broker_starts_again_with_its_messages(tmp_path: Path) -> None:
    """A broker that died by itself starts again on its port with the confirmed messages; kill leaves no process."""
    before = descendants()
    with RabbitMQ(tmp_path) as broker:
        # A confirmed message is on the disk. The definition of its queue is there for certain only after a stop in good
        # order: of queues that were declared just before the kill, one in forty was gone, and its message with it.
        asyncio.run(declare_queue(broker.url()))
        broker.stop()
        broker.start()
        asyncio.run(keep_message(broker.url()))
        os.kill(broker.pid, signal.SIGKILL)
        wait_until(lambda: not broker.is_running)

        broker.start()
        started = [process for process in descendants() if process not in before]
        message = asyncio.run(kept_message(broker.url()))
        broker.kill()

    assert message == BODY
    wait_until(lambda: all(is_gone(process) for process in started))


def test_data_of_a_stopped_broker_can_be_opened_on_another_port(tmp_path: Path) -> None:
    """After stop nothing runs on: no broker, helper, name server or guard; a broker on another port has its data."""
    before = descendants()
    with RabbitMQ(tmp_path) as first:
        asyncio.run(keep_message(first.url()))
        started = [process for process in descendants() if process not in before]
        programs = {process.name() for process in started}

    assert {"epmd", "beam.smp", "erl_child_setup", "sh"} <= programs
    wait_until(lambda: all(is_gone(process) for process in started))
    with RabbitMQ(tmp_path) as second:
        assert second.port != first.port
        assert asyncio.run(kept_message(second.url())) == BODY
