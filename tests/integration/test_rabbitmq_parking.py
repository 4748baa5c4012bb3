"""Parking over a real broker: into a retry queue or the dead-letter queue, confirmed there before the ack."""

from __future__ import annotations

import pytest
from pamqp.commands import Basic
from pamqp.common import FieldValue
from structlog.testing import capture_logs

from tests.neighbour import Neighbour, body_of, eventually
from tests.scenario import ALICE, BOB, failed, signup, topup, topup_v1, transaction_id, transfer
from tests.wallet_service import RETRY_DELAYS_MS, WalletService, running, with_wallet
from wallet_core import DeadLetterReason, OutcomeKind, Subject

UPDATE, REVERT = "wallet.update.q", "wallet.revert.q"
DEAD_LETTERS = "wallet.dead-letter.q"
T = transaction_id(1)
POISON = b"this is not JSON"


@pytest.fixture
async def full_dead_letters(neighbour: Neighbour) -> None:
    """Declare a dead-letter queue that takes one message, and has it."""
    channel = await neighbour.channel()
    await channel.declare_queue(
        DEAD_LETTERS, durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    await neighbour.put(DEAD_LETTERS, b"in the way")


async def wait_refused(service: WalletService, refused: int) -> None:
    """Wait until the broker does not take so many parks."""

    async def has() -> bool:
        return service.consumer.status.refused == refused

    await eventually(has, f"{refused} parks are refused")


@pytest.mark.usefixtures("full_dead_letters")
async def test_a_delivery_is_acked_only_when_its_dead_letter_is_confirmed(
    rabbitmq_url: str, neighbour: Neighbour
) -> None:
    """While the dead-letter queue takes nothing, the event stays in its queue; its neighbours are applied and acked."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await with_wallet(service, neighbour, ALICE)
        await neighbour.send_bytes(Subject.COMPLETED, POISON)

        await neighbour.send(*(topup(transaction_id(number), ALICE, 1) for number in range(10)))
        await service.wait_balance(ALICE, 1_000)
        await service.consumer.stop(grace_s=0.3)

    assert [POISON] == [message.body for message in await neighbour.fetch_all(UPDATE)]
    assert [b"in the way"] == [message.body for message in await neighbour.fetch_all(DEAD_LETTERS)]


@pytest.mark.usefixtures("full_dead_letters")
async def test_a_dead_letter_queue_that_is_full_is_told(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """Status, observer and log say that a dead letter is not taken, by which queue and of which event, until it is."""
    with capture_logs() as log:
        async with running(WalletService(rabbitmq_url)) as service:
            await service.wait_consuming()
            await neighbour.send(topup_v1("unanswerable", ALICE, 1))
            await wait_refused(service, 1)
            told = service.observer.refused["parking"]
            await neighbour.fetch_all(DEAD_LETTERS)
            await wait_refused(service, 0)

    (first, *_) = [line for line in log if line["event"] == "parking_failed"]
    assert ({DEAD_LETTERS: "refused"}, ["unanswerable"]) == (first["ended"], first["keys"])
    assert (1, 0) == (told, service.observer.refused["parking"])


@pytest.mark.usefixtures("full_dead_letters")
async def test_a_full_queue_holds_up_no_other(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """While a dead letter is not taken, other events wait in their retry queues and come back as ever."""
    async with running(WalletService(rabbitmq_url, age_s=0)) as service:
        await service.wait_consuming()
        await neighbour.send_bytes(Subject.COMPLETED, POISON)
        await wait_refused(service, 1)

        await neighbour.send(topup(T, ALICE, 100))
        await service.wait_outcome(T, OutcomeKind.UNKNOWN_WALLET, times=2)
        await neighbour.send(signup(ALICE))
        await service.wait_balance(ALICE, 10_000)
        await service.consumer.stop(grace_s=0.3)

    assert [POISON] == [message.body for message in await neighbour.fetch_all(UPDATE)]


@pytest.mark.usefixtures("full_dead_letters")
async def test_a_dead_letter_that_was_refused_is_tried_again(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """Once the dead-letter queue has room, the event that waited for it is there, once, and gone from its queue."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await neighbour.send_bytes(Subject.COMPLETED, POISON)
        await wait_refused(service, 1)

        await neighbour.fetch_all(DEAD_LETTERS)
        await neighbour.wait_ready(DEAD_LETTERS, 1)
        letters = await neighbour.fetch_all(DEAD_LETTERS)

    assert [POISON] == [letter.body for letter in letters]
    assert 0 == await neighbour.ready(UPDATE)


async def test_a_retry_queue_that_was_deleted_is_made_again(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """An event that finds no retry queue is not lost: the topology is repaired, and the event waits then."""
    async with running(WalletService(rabbitmq_url, age_s=0)) as service:
        await service.wait_consuming()
        channel = await neighbour.channel()
        for delay_ms in RETRY_DELAYS_MS:
            await channel.queue_delete(f"wallet.retry.{UPDATE}.{delay_ms}")

        await neighbour.send(topup(T, ALICE, 100))
        await service.wait_outcome(T, OutcomeKind.UNKNOWN_WALLET)
        await neighbour.send(signup(ALICE))
        await service.wait_balance(ALICE, 10_000)


async def test_a_history_of_dead_lettering_means_nothing(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """An event that says that it went through our queues in a circle, as the broker forbids, waits like any other."""
    queues = [UPDATE, *(f"wallet.retry.{UPDATE}.{delay_ms}" for delay_ms in RETRY_DELAYS_MS)]
    deaths: list[FieldValue] = [{"queue": queue, "reason": "expired", "exchange": "", "count": 9} for queue in queues]
    properties = Basic.Properties(delivery_mode=2, headers={"x-death": deaths})
    async with running(WalletService(rabbitmq_url, age_s=0)) as service:
        await service.wait_consuming()

        await neighbour.send_bytes(Subject.COMPLETED, body_of(topup(T, ALICE, 100)), properties)
        await service.wait_outcome(T, OutcomeKind.UNKNOWN_WALLET, times=4)
        await neighbour.send(signup(ALICE))
        await service.wait_balance(ALICE, 10_000)


async def spend_what_must_go_back(service: WalletService, neighbour: Neighbour) -> None:
    """Let Alice top up and send all of it to Bob."""
    for user_id in (ALICE, BOB):
        await with_wallet(service, neighbour, user_id)
    await neighbour.send(topup(T, ALICE, 100))
    await service.wait_balance(ALICE, 10_000)
    await neighbour.send(transfer(transaction_id(2), ALICE, BOB, 100))
    await service.wait_balance(BOB, 10_000)


async def test_a_reversal_that_stays_short_is_set_aside_once(rabbitmq_url: str, neighbour: Neighbour) -> None:
    """A reversal that nobody can pay, told five times, is retried with all delays and then is one dead letter."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await spend_what_must_go_back(service, neighbour)

        await neighbour.send(*(failed(T, "chargeback") for _ in range(5)))
        await service.wait_outcome(T, OutcomeKind.NOTHING, times=4)
        await neighbour.wait_ready(DEAD_LETTERS, 1)
        await neighbour.wait_ready(REVERT, 0)
        (letter,) = await neighbour.fetch_all(DEAD_LETTERS)

    assert DeadLetterReason.REVERSAL_SHORTFALL == letter.headers["x-wallet-reason"]
    assert len(RETRY_DELAYS_MS) == letter.headers["x-wallet-attempts"]
    assert REVERT == letter.headers["x-wallet-source-queue"]
    (record,) = [record for record in service.store.transactions() if record.id == T]
    assert record.dead_letter_id == letter.headers["x-wallet-dead-letter-id"]
