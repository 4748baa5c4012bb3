"""The consumer over a real broker: each delivery is settled as the intake says, whatever arrives or breaks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from pamqp.commands import Basic

from adapters.rabbitmq import arrivals
from adapters.rabbitmq.consumer import Consumption
from tests.neighbour import Neighbour, body_of, eventually
from tests.scenario import ALICE, signup, topup, transaction_id
from tests.tcp_proxy import tcp_proxy
from tests.wallet_service import RETRY_DELAYS_MS, WalletService, running, with_wallet
from wallet_core import DeadLetterReason, OutcomeKind, RetryAfter, Subject

UPDATE, REVERT, USERS = "wallet.update.q", "wallet.revert.q", "wallet.user.q"
DEAD_LETTERS = "wallet.dead-letter.q"

POISON = b"this is not JSON"


async def test_an_event_is_applied_and_its_delivery_is_gone(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A top-up that is published reaches the wallet and leaves nothing at the broker."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)

        await neighbour.send(topup(transaction_id(1), ALICE, 100))
        await service.wait_balance(ALICE, 10_000)

    assert 0 == await neighbour.ready(UPDATE)


async def test_what_has_arrived_is_handled_together(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """Events that wait in the queue are taken in batches of at most the allowed size."""
    service = WalletService(rabbitmq_url, Consumption(batch_max=40, prefetch=80))
    async with running(service):
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)
        service.store.is_open.clear()
        service.observer.batches.clear()

        await neighbour.send(*(topup(transaction_id(number), ALICE, 1) for number in range(100)))
        service.store.is_open.set()
        await service.wait_balance(ALICE, 10_000)

    assert 100 == sum(service.observer.batches)
    assert 40 == max(service.observer.batches)


async def test_a_whole_batch_that_waits_is_decided_ahead(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """While a batch is stored the next one is decided, once all of it is here; what does not fill one is not."""
    service = WalletService(rabbitmq_url, Consumption(batch_max=40, prefetch=120))
    async with running(service):
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)
        service.store.commit_s = 0.01  # time in which to look ahead, as a database gives it

        await neighbour.send(*(topup(transaction_id(number), ALICE, 1) for number in range(39)))
        await service.wait_balance(ALICE, 3_900)
        looks_of_few = service.store.looks
        service.store.is_open.clear()
        await neighbour.send(*(topup(transaction_id(number), ALICE, 1) for number in range(400)))
        service.store.is_open.set()
        await service.wait_balance(ALICE, 40_000)

    assert looks_of_few == 0
    assert service.store.looks > 0


async def test_a_late_signup_is_waited_for(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A top-up that overtakes its signup comes back from its retry queue, one attempt more each time, until applied."""
    async with running(WalletService(rabbitmq_url, age_s=0)) as service:
        await service.wait_consuming()

        await neighbour.send(topup(transaction_id(1), ALICE, 100))
        await service.wait_outcome(transaction_id(1), OutcomeKind.UNKNOWN_WALLET, times=2)
        await neighbour.send(signup(ALICE))
        await service.wait_balance(ALICE, 10_000)

    assert [RetryAfter(50), RetryAfter(100)] == service.observer.parks[:2]


async def test_a_message_may_go_round_ten_times(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """However often a message goes round our retry queues, it comes back, and can still be applied."""
    async with running(WalletService(rabbitmq_url, age_s=0)) as service:
        await service.wait_consuming()

        await neighbour.send(topup(transaction_id(1), ALICE, 100))
        await service.wait_outcome(transaction_id(1), OutcomeKind.UNKNOWN_WALLET, times=11)
        await neighbour.send(signup(ALICE))
        await service.wait_balance(ALICE, 10_000)

    assert service.outcomes_of(transaction_id(1))[-1] is OutcomeKind.APPLIED


async def test_the_wait_for_a_signup_ends(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """After the last delay, with no signup anywhere, the event is refused."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()

        await neighbour.send(topup(transaction_id(1), ALICE, 100))
        await service.wait_outcome(transaction_id(1), OutcomeKind.REFUSED)

    assert len(RETRY_DELAYS_MS) == service.outcomes_of(transaction_id(1)).count(OutcomeKind.UNKNOWN_WALLET)


HOSTILE_BODIES = {
    "empty": b"",
    "not JSON": POISON,
    "wrong UTF-8": b'{"transactionId": "\xff\xfe"}',
    "UTF-16": '{"transactionId": "a"}'.encode("utf-16"),
    "an array": b"[1, 2]",
    "null": b"null",
    "nested 30,000 deep": b"[" * 30_000,
    "NaN": b'{"transactionId": "a", "amount": NaN}',
    "no id": b'{"type": "topup"}',
    "an object as id": b'{"transactionId": {"$gt": ""}}',
    "a huge id": b'{"transactionId": "' + b"a" * 5_000 + b'"}',
}


async def test_hostile_bodies_are_set_aside_as_they_are(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """What cannot be read becomes a dead letter with its very bytes; the next good event is applied, none circles."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)

        for body in HOSTILE_BODIES.values():
            await neighbour.send_bytes(Subject.COMPLETED, body)
        await neighbour.send(topup(transaction_id(1), ALICE, 100))
        await service.wait_balance(ALICE, 10_000)
        await neighbour.wait_ready(DEAD_LETTERS, len(HOSTILE_BODIES))
        letters = await neighbour.fetch_all(DEAD_LETTERS)

    assert list(HOSTILE_BODIES.values()) == [letter.body for letter in letters]
    assert {DeadLetterReason.NO_USABLE_ID} == {letter.headers["x-wallet-reason"] for letter in letters}
    assert 0 == await neighbour.ready(UPDATE)


HOSTILE_AMOUNTS = {
    "5,000 digits": b"9" * 5_000,
    "1e400": b"1e400",
    "1e999999": b"1e999999",
    "an exponent of 30 digits": b"1e" + b"9" * 30,
    "a fraction of 40 digits": b"0." + b"1" * 40,
    "negative": b"-5",
    "zero": b"0",
    "three decimals": b"0.001",
    "text": b'"100"',
    "a boolean": b"true",
    "an object": b'{"$gt": 0}',
}


async def test_hostile_amounts_are_refused(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """An amount that is none is refused at once, whatever its size, and no money moves."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)

        for number, amount in enumerate(HOSTILE_AMOUNTS.values()):
            body = body_of(topup(transaction_id(number), ALICE, 0)).replace(b'"amount": 0', b'"amount": ' + amount)
            await neighbour.send_bytes(Subject.COMPLETED, body)
        for number in range(len(HOSTILE_AMOUNTS)):
            await service.wait_outcome(transaction_id(number), OutcomeKind.REFUSED)

    assert 0 == await service.balance(ALICE)
    assert 0 == await neighbour.ready(DEAD_LETTERS)


async def test_a_body_over_64_kib_is_set_aside_whole(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A body of a megabyte is not parsed, and not cut."""
    body = b'{"transactionId": "a", "description": "' + b"x" * 1_000_000 + b'"}'
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()

        await neighbour.send_bytes(Subject.COMPLETED, body)
        await neighbour.wait_ready(DEAD_LETTERS, 1)
        letter = await neighbour.fetch(DEAD_LETTERS)

    assert letter is not None
    assert body == letter.body
    assert DeadLetterReason.TOO_LARGE == letter.headers["x-wallet-reason"]


async def test_a_dead_letter_keeps_who_it_is(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A message that is set aside keeps its ids, type, time and plain headers, and loses what would change its way."""
    sent_at = datetime(2025, 1, 15, 11, 0, 5, tzinfo=UTC)
    received = Basic.Properties(
        content_type="text/plain",
        correlation_id="correlation",
        message_id="message",
        message_type="type",
        timestamp=sent_at,
        expiration="600000",
        headers={"traceparent": "00-abc", "x-death": [{"queue": UPDATE}], "CC": [], "x-wallet-attempts": "many"},
    )
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()

        await neighbour.send_bytes(Subject.COMPLETED, POISON, received)
        await neighbour.wait_ready(DEAD_LETTERS, 1)
        letter = await neighbour.fetch(DEAD_LETTERS)

    assert letter is not None
    kept = letter.properties
    assert ("text/plain", "correlation", "message") == (kept.content_type, kept.correlation_id, kept.message_id)
    assert ("type", sent_at, None, 2) == (kept.message_type, kept.timestamp, kept.expiration, kept.delivery_mode)
    assert "00-abc" == letter.headers["traceparent"]
    assert {"x-death", "CC"}.isdisjoint(letter.headers)
    assert 0 == letter.headers["x-wallet-attempts"]
    assert Subject.COMPLETED == letter.headers["x-wallet-routing-key"]


class WrittenProperties(Basic.Properties):
    """Properties whose bytes on the wire are given: what no well-behaved client writes, and the broker passes on."""

    def __init__(self, wire: bytes) -> None:
        """Keep the bytes."""
        super().__init__()
        self._wire = wire

    def marshal(self) -> bytes:
        """Give the bytes."""
        return self._wire


def header_table(fields: bytes) -> bytes:
    """Write a table of headers."""
    return (1 << 13).to_bytes(2) + len(fields).to_bytes(4) + fields


def nested_arrays(depth: int) -> bytes:
    """Write arrays in arrays."""
    array = b""
    for _ in range(depth):
        array = b"A" + len(array).to_bytes(4) + array
    return array


UNREADABLE_PROPERTIES = {
    "timestamp in microseconds": (1 << 6).to_bytes(2) + (1_763_800_000_000_000).to_bytes(8),
    "the last timestamp there is": (1 << 6).to_bytes(2) + b"\xff" * 8,
    "message id in Latin-1": (1 << 7).to_bytes(2) + b"\x04\xe9\xe9\xe9\xe9",
    "message id in Latin-1, of 200 bytes": (1 << 7).to_bytes(2) + b"\xc8" + b"\xe9" * 200,
    "header name in Latin-1": header_table(b"\x02\xe9\xe9t\x01"),
    "header text in Latin-1": header_table(b"\x01aS\x00\x00\x00\x02\xe9\xe9"),
    "header with a timestamp out of range": header_table(b"\x01aT" + b"\xff" * 8),
    "arrays nested 2,000 deep": header_table(b"\x01a" + nested_arrays(2_000)),
}


@pytest.mark.parametrize("wire", UNREADABLE_PROPERTIES.values(), ids=UNREADABLE_PROPERTIES.keys())
async def test_unreadable_properties_do_not_cut_the_connection(
    rabbitmq_url: str, neighbour: Neighbour, wire: bytes
) -> None:
    """An event whose properties the client library cannot decode is handled like any other, and can be set aside."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)

        await neighbour.send_bytes(Subject.COMPLETED, POISON, WrittenProperties(wire))
        await neighbour.send_bytes(
            Subject.COMPLETED, body_of(topup(transaction_id(1), ALICE, 100)), WrittenProperties(wire)
        )
        await service.wait_balance(ALICE, 10_000)
        await neighbour.wait_ready(DEAD_LETTERS, 1)

    assert ["consumer", "publisher"] == sorted(service.observer.connections)


async def test_a_compressed_body_is_set_aside(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A content encoding that we do not read is a dead letter, although its bytes might be JSON by accident."""
    event = topup(transaction_id(1), ALICE, 100)
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()

        await neighbour.send_bytes(Subject.COMPLETED, body_of(event), Basic.Properties(content_encoding="gzip"))
        await neighbour.wait_ready(DEAD_LETTERS, 1)

    assert 0 == await neighbour.ready(UPDATE)


async def test_a_queue_that_was_deleted_comes_back(
    rabbitmq_url: str, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When an input queue is deleted, the broker tells us, and it is declared and consumed again without a restart."""
    monkeypatch.setattr(arrivals, "WATCH_INTERVAL_S", 60.0)
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)

        channel = await neighbour.channel()
        await channel.queue_delete(UPDATE)
        await neighbour.wait_consumers(UPDATE, 1, timeout_s=10)
        await neighbour.send(topup(transaction_id(1), ALICE, 100))
        await service.wait_balance(ALICE, 10_000)


async def test_an_outage_of_the_database_settles_nothing(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """While the database is away the batch stays in hand, and is applied once when the database is back."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)
        service.store.is_away = True

        await neighbour.send(topup(transaction_id(1), ALICE, 100))
        await wait_tries(service, 3)
        reason = service.consumer.status.reason
        service.store.is_away = False
        await service.wait_balance(ALICE, 10_000)

    assert reason is not None
    assert "database" in reason
    assert [OutcomeKind.APPLIED] == service.outcomes_of(transaction_id(1))


async def wait_tries(service: WalletService, tries: int) -> None:
    """Wait until the database was tried so often while it was away."""

    async def has() -> bool:
        return service.store.tries_while_away >= tries

    await eventually(has, f"{tries} tries")


async def test_a_long_outage_gives_the_deliveries_back(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """After the longest wait the deliveries return to their queue; they are consumed again when it is back."""
    service = WalletService(rabbitmq_url, Consumption(outage_max_s=0.2))
    async with running(service):
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)
        service.store.is_away = True

        await neighbour.send(topup(transaction_id(1), ALICE, 100))
        await neighbour.wait_consumers(UPDATE, 0)
        await neighbour.wait_ready(UPDATE, 1)
        tries_before = service.store.tries_while_away
        await wait_tries(service, tries_before + 2)
        service.store.is_away = False
        await service.wait_balance(ALICE, 10_000)

    assert [OutcomeKind.APPLIED] == service.outcomes_of(transaction_id(1))


async def test_a_stop_does_not_wait_for_the_database(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A consumer that waits out an outage stops at once, and its batch returns to the queue."""
    service = WalletService(rabbitmq_url)
    async with running(service):
        await service.wait_consuming()
        service.store.is_away = True
        await neighbour.send(signup(ALICE))
        await wait_tries(service, 1)

        async with asyncio.timeout(2):
            await service.consumer.stop(grace_s=60)

    assert 1 == await neighbour.ready(USERS)


async def test_too_many_isolated_errors_halt_the_consumption(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """More than five events in a row that fail on their own stop us: five are dead letters, the others stay."""
    ids = [transaction_id(number) for number in range(8)]
    service = WalletService(rabbitmq_url)
    async with running(service):
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)
        service.store.rejected_ids = set(ids)
        service.store.is_open.clear()

        await neighbour.send(*(topup(id_, ALICE, 1) for id_ in ids))
        service.store.is_open.set()
        await neighbour.wait_consumers(UPDATE, 0)
        status = service.consumer.status

    assert (True, False) == (status.halted, status.consuming)
    assert 0 == await service.balance(ALICE)
    letters, left = await neighbour.fetch_all(DEAD_LETTERS), await neighbour.fetch_all(UPDATE)
    assert (5, 3) == (len(letters), len(left))
    assert len(ids) == len({message.body for message in (*letters, *left)})


async def test_a_stop_finishes_the_batch_in_hand(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A batch that is being posted is finished and acked; what was fetched beside it returns to its queue."""
    service = WalletService(rabbitmq_url, Consumption(batch_max=1, prefetch=10))
    async with running(service):
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)
        service.store.is_open.clear()
        service.store.is_entered.clear()
        await neighbour.send(*(topup(transaction_id(number), ALICE, 1) for number in range(5)))
        await service.store.is_entered.wait()

        stopping = asyncio.ensure_future(service.consumer.stop(grace_s=10))
        await neighbour.wait_consumers(UPDATE, 0)
        service.store.is_open.set()
        await stopping

    assert 100 == await service.balance(ALICE)
    assert 4 == await neighbour.ready(UPDATE)


async def test_a_stop_is_bounded_by_its_grace_time(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A batch that does not end in time is abandoned: its delivery returns and nothing of it is settled."""
    service = WalletService(rabbitmq_url)
    async with running(service):
        await service.wait_consuming()
        service.store.is_open.clear()
        await neighbour.send(signup(ALICE))
        await service.store.is_entered.wait()

        async with asyncio.timeout(2):
            await service.consumer.stop(grace_s=0.2)

    assert 1 == await neighbour.ready(USERS)


async def test_an_ack_on_a_dead_channel_is_counted(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """When the session dies while its batch is posted, the lost acks are counted; the redelivery changes nothing."""
    async with tcp_proxy(rabbitmq_url) as proxy:
        service = WalletService(proxy.url)
        async with running(service):
            await service.wait_consuming()
            await with_wallet(service, neighbour, ALICE)
            service.store.is_open.clear()
            service.store.is_entered.clear()
            await neighbour.send(topup(transaction_id(1), ALICE, 100))
            await service.store.is_entered.wait()

            proxy.cut()
            await neighbour.wait_consumers(UPDATE, 0)
            service.store.is_open.set()
            await service.wait_outcome(transaction_id(1), OutcomeKind.REPEATED)

    assert 1 == service.observer.lost_acks
    assert 10_000 == await service.balance(ALICE)


def test_a_prefetch_below_the_batch_is_refused() -> None:
    """A batch that could never be full is a wrong setting, and says so."""
    with pytest.raises(ValueError, match="prefetch 10 is less than batch_max 20"):
        Consumption(batch_max=20, prefetch=10)
