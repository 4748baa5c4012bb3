"""A broker that goes away, falls silent, or is not there yet: waited for, and everything goes on by itself."""

from __future__ import annotations

import asyncio
import time

import pytest

from adapters.embedded.rabbitmq import RabbitMQ
from adapters.rabbitmq import arrivals, consumed_queue
from adapters.rabbitmq.arrivals import InputSession
from adapters.rabbitmq.connection import SessionLost, connected
from adapters.rabbitmq.event_publisher import event_publisher
from adapters.rabbitmq.topology import Topology, retry_queue
from tests.neighbour import Neighbour, body_of, eventually
from tests.scenario import ALICE, signup, topup, transaction_id
from tests.tcp_proxy import tcp_proxy
from tests.wallet_service import RETRY_DELAYS_MS, WalletService, running
from wallet_core import OutcomeKind, Subject

UPDATE, FINALIZED = "wallet.update.q", "transaction.finalized.q"
EVENTS = 300
TOPOLOGY_OLD_S = 8.0
"""Age of a topology that survives a kill, seconds: measured, of a younger one a quorum queue may never lead again."""

NOBODY_LISTENS = "amqp://guest:guest@127.0.0.1:1/"


async def send_topups(neighbour: Neighbour, first: int, count: int) -> None:
    """Publish many top-ups of one dollar."""
    await neighbour.send(*(topup(transaction_id(number), ALICE, 1) for number in range(first, first + count)))


async def send_with_wallet(url: str, count: int) -> None:
    """Publish a signup and top-ups, on a connection that ends before the broker does."""
    async with connected(url, "neighbour") as connection:
        neighbour = Neighbour(connection)
        await neighbour.send(signup(ALICE))
        await send_topups(neighbour, 0, count)


async def publish_all(service: WalletService) -> None:
    """Run the relay until the outbox is empty."""

    async def is_published() -> bool:
        await service.relay.publish_pending()
        rows, _ = await service.store.backlog()
        return not rows

    await eventually(is_published, "all answers are out", timeout_s=30)


async def test_cuts_lose_and_double_nothing(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """However often connections are reset while events pour in, each event counts once, with one consumer a queue."""
    tasks_before = asyncio.all_tasks()
    async with tcp_proxy(rabbitmq_url) as proxy, running(WalletService(proxy.url)) as service:
        await service.wait_consuming()
        await neighbour.send(signup(ALICE))
        for number in range(10):
            await send_topups(neighbour, number * 30, 30)
            proxy.cut()

        await service.wait_balance(ALICE, 300 * 100)
        await neighbour.wait_consumers(UPDATE, 1)
        await service.wait_consuming()

        await publish_all(service)
        answered = {message.properties.message_id for message in await neighbour.fetch_all(FINALIZED)}

    assert 300 == len(answered)
    assert 0 == await neighbour.ready(UPDATE)
    await eventually(lambda: has_only(tasks_before), "no task is left behind")


async def has_only(tasks: set[asyncio.Task[object]]) -> bool:
    """Tell whether no other task than these is running."""
    return asyncio.all_tasks() <= tasks


async def test_a_silent_connection_is_noticed(
    rabbitmq_url: str, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nothing comes through any more, without any reset, the session ends by itself, and a new one begins."""
    monkeypatch.setattr(arrivals, "WATCH_INTERVAL_S", 0.2)
    monkeypatch.setattr(consumed_queue, "ANSWER_TIMEOUT_S", 1.0)
    async with tcp_proxy(rabbitmq_url) as proxy, running(WalletService(proxy.url)) as service:
        await service.wait_consuming()

        proxy.hold()
        await eventually(lambda: is_consuming(service, expected=False), "the silence is noticed")
        proxy.release()
        await service.wait_consuming()

        await neighbour.send(signup(ALICE))
        await service.wait_balance(ALICE, 0)


async def is_consuming(service: WalletService, *, expected: bool) -> bool:
    """Tell whether the consumer says what is expected."""
    return service.consumer.status.consuming is expected


async def test_a_consumer_that_is_silently_gone_is_noticed(rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the broker says that a queue has no consumer although we believe to be one, the session is lost."""
    monkeypatch.setattr(arrivals, "WATCH_INTERVAL_S", 0.1)
    async with connected(rabbitmq_url, "session") as connection:
        await Topology().declare(connection)
        session = InputSession()
        await session.open(connection, prefetch=1)

        await session.queue_of(Subject.COMPLETED).cancel()

        with pytest.raises(SessionLost, match=f"{UPDATE} has no consumer"):
            await session.take(1)
        await session.close()


async def test_a_broker_that_restarts(own_rabbitmq: RabbitMQ, own_rabbitmq_url: str) -> None:
    """A clean stop and start: nothing is published meanwhile; events and answers go on afterwards, none lost."""
    async with running(WalletService(own_rabbitmq_url)) as service:
        await service.wait_consuming()
        await send_with_wallet(own_rabbitmq_url, EVENTS)
        await service.wait_balance(ALICE, EVENTS * 100)

        await asyncio.to_thread(own_rabbitmq.stop)
        assert 0 == (await service.relay.publish_pending()).published
        assert not service.consumer.status.connected
        assert not service.publishing.status.connected
        assert service.consumer.status.reason

        await asyncio.to_thread(own_rabbitmq.start)
        await service.wait_consuming()
        await publish_all(service)
        async with connected(own_rabbitmq_url, "neighbour") as connection:
            await send_topups(Neighbour(connection), EVENTS, 10)
        await service.wait_balance(ALICE, (EVENTS + 10) * 100)


async def test_a_broker_that_runs_short_of_memory(own_rabbitmq: RabbitMQ, own_rabbitmq_url: str) -> None:
    """While the broker takes no publication, events are still applied and acked; answers and parks go out later."""
    async with running(WalletService(own_rabbitmq_url)) as service:
        await service.wait_consuming()
        service.store.is_open.clear()
        await send_with_wallet(own_rabbitmq_url, 10)
        async with connected(own_rabbitmq_url, "neighbour") as connection:
            await Neighbour(connection).send_bytes(Subject.COMPLETED, b"poison")

        await asyncio.to_thread(own_rabbitmq.ctl, "set_vm_memory_high_watermark", "0")
        service.store.is_open.set()
        await service.wait_balance(ALICE, 10 * 100)
        blocked = await service.relay.publish_pending()
        await asyncio.to_thread(own_rabbitmq.ctl, "set_vm_memory_high_watermark", "absolute", "1GB")

        await publish_all(service)
        await eventually(lambda: has_parked(service), "the park is confirmed")
        async with connected(own_rabbitmq_url, "neighbour") as connection:
            letters = await Neighbour(connection).fetch_all("wallet.dead-letter.q")

    assert (0, 0) == (blocked.published, service.observer.lost_acks)
    assert 1 == len({letter.headers["x-wallet-dead-letter-id"] for letter in letters}), "twice perhaps, but one letter"


async def has_parked(service: WalletService) -> bool:
    """Tell whether the broker has confirmed a park."""
    return bool(service.observer.parks)


async def test_a_broker_that_is_killed(own_rabbitmq: RabbitMQ, own_rabbitmq_url: str) -> None:
    """A crash in the middle of a backlog: what its publisher saw confirmed is applied once when the broker is back."""
    service = WalletService(own_rabbitmq_url)
    async with running(service):
        await service.wait_consuming()
        service.store.is_open.clear()
        await send_with_wallet(own_rabbitmq_url, EVENTS)

        await asyncio.to_thread(own_rabbitmq.kill)
        service.store.is_open.set()
        await asyncio.to_thread(own_rabbitmq.start)

        await service.wait_balance(ALICE, EVENTS * 100)
        await service.wait_consuming()
        async with connected(own_rabbitmq_url, "neighbour") as connection:
            await Neighbour(connection).wait_ready(UPDATE, 0)
    assert EVENTS * 100 == await service.balance(ALICE)


async def test_a_broker_that_is_killed_while_events_wait(own_rabbitmq: RabbitMQ, own_rabbitmq_url: str) -> None:
    """Killed again and again while events wait and go from queue to queue, the broker loses none of them."""
    ids = {transaction_id(number) for number in range(EVENTS)}
    service = WalletService(own_rabbitmq_url, age_s=0)
    async with running(service):
        await service.wait_consuming()
        declared_at_s = time.monotonic()
        async with event_publisher(own_rabbitmq_url, Topology(retry_delays_ms=RETRY_DELAYS_MS)) as publisher:
            await publisher.publish_many([(Subject.COMPLETED, body_of(topup(id_, ALICE, 1))) for id_ in ids])

        for _ in range(2):
            await wait_handled(service, len(service.observer.handled) + 2 * EVENTS)
            await asyncio.sleep(declared_at_s + TOPOLOGY_OLD_S - time.monotonic())
            await asyncio.to_thread(own_rabbitmq.kill)
            await asyncio.to_thread(own_rabbitmq.start)
            await service.wait_consuming()
        async with connected(own_rabbitmq_url, "neighbour") as connection:
            neighbour = Neighbour(connection)
            await neighbour.send(signup(ALICE))
            await service.wait_balance(ALICE, EVENTS * 100)
            for queue in (UPDATE, *(retry_queue(UPDATE, delay_ms) for delay_ms in RETRY_DELAYS_MS)):
                await neighbour.wait_ready(queue, 0)

    applied = [handled.key for _, handled in service.observer.handled if handled.outcome.kind is OutcomeKind.APPLIED]
    assert (len(ids), ids) == (len(applied), set(applied))


async def test_a_broker_whose_patience_is_short(own_rabbitmq: RabbitMQ, own_rabbitmq_url: str) -> None:
    """A delay may be longer than the broker waits for an ack: it takes the event back, which waits on, not anew."""
    service = WalletService(own_rabbitmq_url, age_s=0, retry_delays_ms=(4_000,))
    await be_patient(own_rabbitmq, consumer_timeout=1_000, channel_tick_interval=200)
    try:
        async with running(service):
            await service.wait_consuming()
            async with connected(own_rabbitmq_url, "neighbour") as connection:
                await Neighbour(connection).send(topup(transaction_id(1), ALICE, 1))
            await service.wait_outcome(transaction_id(1), OutcomeKind.UNKNOWN_WALLET, times=2)
    finally:
        await be_patient(own_rabbitmq, consumer_timeout=1_800_000, channel_tick_interval=60_000)

    assert service.observer.connections.count("consumer") > 1


async def be_patient(broker: RabbitMQ, **times_ms: int) -> None:
    """Set how long the broker waits for an ack, and how often it looks, for channels that are opened from now on."""
    for name, time_ms in times_ms.items():
        await asyncio.to_thread(broker.ctl, "eval", f"application:set_env(rabbit, {name}, {time_ms}).")


async def wait_handled(service: WalletService, deliveries: int) -> None:
    """Wait until so many deliveries were handled."""

    async def has() -> bool:
        return len(service.observer.handled) >= deliveries

    await eventually(has, f"{deliveries} deliveries are handled", timeout_s=30)


async def test_a_broker_that_is_not_there_yet(own_rabbitmq: RabbitMQ, own_rabbitmq_url: str) -> None:
    """A service that starts before its broker waits for it, says so, and then works."""
    await asyncio.to_thread(own_rabbitmq.stop)
    async with running(WalletService(own_rabbitmq_url)) as service:
        await eventually(lambda: says_why(service), "both connections say why they are away")
        await asyncio.to_thread(own_rabbitmq.start)
        await service.wait_consuming()

        await send_with_wallet(own_rabbitmq_url, 1)
        await service.wait_balance(ALICE, 100)


async def test_a_stop_while_the_broker_is_away() -> None:
    """A service that waits for its broker says why, and stops at once."""
    service = WalletService(NOBODY_LISTENS)
    async with asyncio.timeout(5), running(service):
        await eventually(lambda: says_why(service), "both connections say why they are away")

        await service.consumer.stop(grace_s=60)

    assert not service.consumer.status.consuming


async def says_why(service: WalletService) -> bool:
    """Tell whether both connections say that nobody listens."""
    reasons = (service.consumer.status.reason or "", service.publishing.status.reason or "")
    return all("Connect call failed" in reason for reason in reasons)
