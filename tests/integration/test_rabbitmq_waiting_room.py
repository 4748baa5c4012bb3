"""The waiting room over a real broker: an event is in its retry queue until its source has it, whatever breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from pamqp.commands import Basic
from pamqp.common import Arguments, FieldValue

from adapters.clock import SystemClock
from adapters.rabbitmq.arrivals import InputSession
from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.observer import SilentObserver
from adapters.rabbitmq.publisher import PublishingConnection
from adapters.rabbitmq.topology import INPUT_QUEUES, TRANSACTION_EXCHANGE, Topology, retry_queue
from adapters.rabbitmq.waiting_room import HELD_MAX, WaitingRoom
from tests.neighbour import Neighbour, body_of, eventually
from tests.scenario import ALICE, signup
from tests.wallet_service import WalletService, running
from wallet_core.fields import iso_milliseconds
from wallet_core.settlement import RETRY_DELAYS_MS

UPDATE, REVERT = "wallet.update.q", "wallet.revert.q"
DELAYS_MS = (50, 100)
HOUR_MS = 3_600_000
WAITS_50_MS, WAITS_AN_HOUR = retry_queue(UPDATE, 50), retry_queue(UPDATE, HOUR_MS)


@asynccontextmanager
async def waiting_room(url: str, delays_ms: Sequence[int] = DELAYS_MS) -> AsyncIterator[WaitingRoom]:
    """Run a waiting room, and nothing that consumes the input queues; at the end it gives back what it holds."""
    topology = Topology(retry_delays_ms=tuple(delays_ms))
    publishing = PublishingConnection(url, topology)
    running = asyncio.ensure_future(publishing.run())
    channel = publishing.channel()
    session = InputSession()
    try:
        assert await publishing.wait_connected(15)
        async with connected(url, "waiting room") as connection:
            room = WaitingRoom(session, publishing, channel, SystemClock(), SilentObserver())
            await room.open(connection, await topology.held_queues(connection))
            yield room
            await session.close()
            await channel.close()
    finally:
        running.cancel()
        await asyncio.wait([running])


async def declared(url: str, delays_ms: Sequence[int] = DELAYS_MS) -> None:
    """Declare the topology, and let nobody wait in it yet."""
    async with connected(url, "topology") as connection:
        await Topology(retry_delays_ms=tuple(delays_ms)).declare(connection)


def parked(parked_at: datetime | None = None, headers: Mapping[str, FieldValue] | None = None) -> Basic.Properties:
    """Give the properties of an event that was parked then; now, unless told otherwise."""
    at = iso_milliseconds(parked_at or datetime.now(UTC))
    return Basic.Properties(delivery_mode=2, headers={**(headers or {}), "x-wallet-parked-at": at})


async def test_an_event_comes_back_to_its_source_alone(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """What waits in a retry queue comes back to its own source, and to no other queue of the same exchange."""
    async with waiting_room(rabbitmq_url):
        channel = await neighbour.channel()
        mail = await channel.declare_queue("mail.q", durable=True)
        await mail.bind(TRANSACTION_EXCHANGE, "transaction.completed")

        for source in (queue.name for queue in INPUT_QUEUES):
            for delay_ms in DELAYS_MS:
                await neighbour.put(retry_queue(source, delay_ms), b"waits", parked())

        for source in (queue.name for queue in INPUT_QUEUES):
            await neighbour.wait_ready(source, len(DELAYS_MS))
    assert 0 == await neighbour.ready("mail.q")
    assert 0 == await neighbour.ready(WAITS_50_MS)


async def test_an_event_is_held_for_its_delay(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """Nothing comes back before its delay is over, not even when nobody has said since when it waits."""
    async with waiting_room(rabbitmq_url, [400]):
        for properties in (parked(), Basic.Properties(delivery_mode=2)):
            began_at_s = time.monotonic()
            await neighbour.put(retry_queue(UPDATE, 400), b"waits", properties)
            await neighbour.wait_ready(UPDATE, 1)
            await neighbour.fetch(UPDATE)

            assert time.monotonic() - began_at_s >= 0.39, "a stamp is cut to milliseconds"


@pytest.mark.parametrize("parked_for", [timedelta(days=400), timedelta(milliseconds=HOUR_MS)])
async def test_time_that_was_waited_counts(rabbitmq_url: str, neighbour: Neighbour, parked_for: timedelta) -> None:
    """An event that has waited long enough elsewhere, in the queue or with a process that died, comes back at once."""
    async with waiting_room(rabbitmq_url, [HOUR_MS]):
        await neighbour.put(WAITS_AN_HOUR, b"waits", parked(datetime.now(UTC) - parked_for))

        await neighbour.wait_ready(UPDATE, 1)


async def test_who_waits_in_a_default_delay_comes_back_under_other_delays(
    rabbitmq_url: str, neighbour: Neighbour
) -> None:
    """What waits since before WALLET_RETRY_DELAYS_MS was set is held as before, and no such queue is made anew."""
    left = RETRY_DELAYS_MS[-1]
    await declared(rabbitmq_url, [left])
    waited = parked(datetime.now(UTC) - timedelta(days=1))
    await neighbour.put(retry_queue("wallet.user.q", left), body_of(signup(ALICE)), waited)

    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_balance(ALICE, 0)

    async with connected(rabbitmq_url, "topology") as connection:
        held = {queue.delay_ms for queue in await Topology(retry_delays_ms=DELAYS_MS).held_queues(connection)}
    assert {*DELAYS_MS, left} == held


async def test_a_clock_that_jumps_holds_nothing_for_ever(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """An event that was parked in the future, by our clock, is held for its delay and no longer."""
    async with waiting_room(rabbitmq_url):
        await neighbour.put(WAITS_50_MS, b"waits", parked(datetime.now(UTC) + timedelta(days=400)))

        await neighbour.wait_ready(UPDATE, 1)


async def test_what_is_held_goes_back_with_the_session(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """When we end, what we hold is in its retry queue again, as it was; whoever comes next goes on from there."""
    properties = parked(datetime.now(UTC) - timedelta(minutes=30))
    async with waiting_room(rabbitmq_url, [HOUR_MS]):
        await neighbour.put(WAITS_AN_HOUR, b"waits", properties)
        await neighbour.wait_ready(WAITS_AN_HOUR, 0)
        assert 0 == await neighbour.ready(UPDATE)

    await neighbour.wait_ready(WAITS_AN_HOUR, 1)
    (left,) = await neighbour.fetch_all(WAITS_AN_HOUR)
    assert properties.headers == left.headers


async def test_more_wait_than_are_held(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """However many wait, a bounded number is held, and all come back once."""
    bodies = [b"%d" % number for number in range(HELD_MAX + 100)]
    await declared(rabbitmq_url, [HOUR_MS])
    channel = await neighbour.channel()
    underlay = await channel.get_underlay_channel()
    waits, waited = parked(), parked(datetime.now(UTC) - timedelta(days=1))
    for body in bodies:
        await underlay.basic_publish(body, routing_key=WAITS_AN_HOUR, properties=waits, timeout=10)
    async with waiting_room(rabbitmq_url, [HOUR_MS]):
        await neighbour.wait_ready(WAITS_AN_HOUR, len(bodies) - HELD_MAX)
    await neighbour.wait_ready(WAITS_AN_HOUR, len(bodies))
    await neighbour.fetch_all(WAITS_AN_HOUR)

    for body in bodies:
        await underlay.basic_publish(body, routing_key=WAITS_AN_HOUR, properties=waited, timeout=10)
    async with waiting_room(rabbitmq_url, [HOUR_MS]), waiting_room(rabbitmq_url, [HOUR_MS]):
        await neighbour.wait_ready(UPDATE, len(bodies))

    assert sorted(bodies) == sorted(message.body for message in await neighbour.fetch_all(UPDATE))
    assert 0 == await neighbour.ready(WAITS_AN_HOUR)


async def test_an_event_comes_back_as_it_went(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """Who an event is and how often it has waited come back with it; the broker's history and our stamp do not."""
    ours: dict[str, FieldValue] = {
        "x-wallet-attempts": 2,
        "x-wallet-first-seen": "2025-01-15T11:00:05.000Z",
        "x-wallet-routing-key": "transaction.completed",
        "x-wallet-replayed": 1,
        "x-wallet-dead-letter-id": "4d0e9a7c-0000-4000-8000-000000000000",
    }
    theirs: dict[str, FieldValue] = {"x-death": [{"queue": UPDATE, "count": 99}], "x-first-death-queue": UPDATE}
    properties = parked(headers={**ours, **theirs, "traceparent": "00-abc"})
    properties.message_id, properties.expiration, properties.user_id = "message", "600000", "guest"
    async with waiting_room(rabbitmq_url):
        await neighbour.put(WAITS_50_MS, b"waits", properties)
        await neighbour.wait_ready(UPDATE, 1)
        back = await neighbour.fetch(UPDATE)

    assert back is not None
    assert {**ours, "x-wallet-source-queue": UPDATE, "traceparent": "00-abc"} == back.headers
    assert ("message", 2) == (back.properties.message_id, back.properties.delivery_mode)
    assert (None, None) == (back.properties.expiration, back.properties.user_id)


OPERATORS_QUEUES: Mapping[str, Arguments] = {
    "with a time to live and a way back": {
        "x-message-ttl": 50,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": UPDATE,
    },
    "quorum": {"x-queue-type": "quorum"},
}


@pytest.mark.parametrize("arguments", OPERATORS_QUEUES.values(), ids=OPERATORS_QUEUES.keys())
async def test_a_retry_queue_of_an_operator_works_too(
    rabbitmq_url: str, neighbour: Neighbour, arguments: Arguments
) -> None:
    """A retry queue that exists is taken as it is, and each event comes back from it once."""
    channel = await neighbour.channel()
    await channel.declare_queue(WAITS_50_MS, durable=True, arguments=arguments)
    await declared(rabbitmq_url)
    async with waiting_room(rabbitmq_url):
        await neighbour.put(WAITS_50_MS, b"first", parked())
        await neighbour.wait_ready(UPDATE, 1)
        await neighbour.put(WAITS_50_MS, b"second", parked())
        await neighbour.wait_ready(UPDATE, 2)

    assert [b"first", b"second"] == [message.body for message in await neighbour.fetch_all(UPDATE)]
    assert 0 == await neighbour.ready(WAITS_50_MS)


async def declare_full(neighbour: Neighbour, queue: str) -> None:
    """Declare a queue that takes one message, and has it."""
    channel = await neighbour.channel()
    await channel.declare_queue(queue, durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    await neighbour.put(queue, b"in the way")


async def wait_refused(room: WaitingRoom, refused: int) -> None:
    """Wait until a source refuses so many events."""

    async def has() -> bool:
        return room.refused == refused

    await eventually(has, f"{refused} events are refused")


async def test_an_event_whose_source_is_full_stays(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """What its source does not take is not acked, and told; it goes back when there is room; others pass it by."""
    await declare_full(neighbour, UPDATE)
    await declared(rabbitmq_url)
    async with waiting_room(rabbitmq_url) as room:
        await neighbour.put(WAITS_50_MS, b"waits", parked())
        await wait_refused(room, 1)
        await neighbour.put(retry_queue(REVERT, 100), b"passes", parked())
        await neighbour.wait_ready(REVERT, 1)
        assert 1 == room.refused

    await neighbour.wait_ready(WAITS_50_MS, 1)
    assert [b"in the way"] == [message.body for message in await neighbour.fetch_all(UPDATE)]
    async with waiting_room(rabbitmq_url) as room:
        await neighbour.wait_ready(UPDATE, 1)
        await wait_refused(room, 0)
    assert 0 == await neighbour.ready(WAITS_50_MS)


async def test_an_event_whose_source_is_gone_stays(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """When its source was deleted an event waits until the topology is repaired, and is there then."""
    async with waiting_room(rabbitmq_url) as room:
        channel = await neighbour.channel()
        await channel.queue_delete(UPDATE)

        await neighbour.put(WAITS_50_MS, b"waits", parked())
        await neighbour.wait_ready(UPDATE, 1)
        await room.finish()  # its copy is there before its ack is

    assert 0 == await neighbour.ready(WAITS_50_MS)


async def test_who_finishes_sends_nobody_back(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """While we stop, what becomes due stays in its retry queue."""
    async with waiting_room(rabbitmq_url) as room:
        await room.finish()
        await neighbour.put(WAITS_50_MS, b"waits", parked(datetime.now(UTC) - timedelta(days=1)))
        await neighbour.wait_ready(WAITS_50_MS, 0)

    await neighbour.wait_ready(WAITS_50_MS, 1)
    assert 0 == await neighbour.ready(UPDATE)
