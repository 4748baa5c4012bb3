"""Every sample of the contract, byte for byte, through the real process: what comes of it, and what is answered."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from aio_pika import Message

from adapters.rabbitmq.topology import TRANSACTION_EXCHANGE
from tests.e2e.answers import Answer
from tests.e2e.deployment import Deployment, Site, deployed
from tests.neighbour import Neighbour
from tests.scenario import ALICE, BOB, SAMPLES
from wallet_core import Subject, Vocabulary

TOPUP = "507f1f77bcf86cd799439013"
TRANSFER = "507f1f77bcf86cd799439014"
CREATED_QUEUE = "transaction.created.q"

VOCABULARIES = (Vocabulary.DOCUMENTED, Vocabulary.V1)
IN = {
    Subject.SIGNUP: ("user.signup",),
    Subject.COMPLETED: ("transaction.completed.topup", "transaction.completed.transfer"),
    Subject.FAILED: ("transaction.failed",),
}
CREATED = "transaction.created.transfer"
OUT = {Vocabulary.DOCUMENTED: "wallet.transactionFinalized", Vocabulary.V1: "wallet.transactionFinalized.failed"}

ADDED_BY_US = {"revision"}
OF_THE_MOMENT = {"finalizedAt"}


def body_of_sample(name: str) -> bytes:
    """Read the bytes of a sample."""
    return (SAMPLES / f"{name}.json").read_bytes()


async def send_samples(wallet: Deployment, subject: Subject, vocabulary: Vocabulary) -> None:
    """Publish the samples about a subject."""
    for name in IN[subject]:
        await wallet.neighbour.send_bytes(subject, body_of_sample(f"{name}.{vocabulary.value}"))


def assert_is_sample(answer: Answer) -> None:
    """Hold an answer to the sample of its vocabulary: keys, spelling, values; persistent JSON with a message id."""
    expected = json.loads(body_of_sample(f"{OUT[answer.vocabulary]}.{answer.vocabulary.value}"))
    assert expected.keys() | ADDED_BY_US == answer.message.keys()
    assert not {name for name in expected.keys() - OF_THE_MOMENT if answer.message[name] != expected[name]}
    assert (2, "application/json") == (answer.properties.delivery_mode, answer.properties.content_type)
    assert answer.properties.message_id


async def declare_created_queue(neighbour: Neighbour) -> None:
    """Declare the queue of the transactions service, as it does."""
    channel = await neighbour.channel()
    exchange = await channel.get_exchange(TRANSACTION_EXCHANGE)
    queue = await channel.declare_queue(CREATED_QUEUE, durable=True)
    await queue.bind(exchange, "transaction.created")
    for vocabulary in VOCABULARIES:
        message = Message(body_of_sample(f"{CREATED}.{vocabulary.value}"), delivery_mode=2)
        await exchange.publish(message, "transaction.created")
    await channel.close()


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
async def test_the_samples_of_a_vocabulary_come_to_what_the_contract_says(site: Site, vocabulary: Vocabulary) -> None:
    """Signup, top-up, transfer and failure move the money there and back, and are answered in their own vocabulary."""
    async with deployed(site) as wallet:
        await send_samples(wallet, Subject.SIGNUP, vocabulary)
        await wallet.open(BOB)
        await send_samples(wallet, Subject.COMPLETED, vocabulary)

        topup, transfer = await wallet.answers.last(TOPUP), await wallet.answers.last(TRANSFER)
        moved = await wallet.balance(ALICE), await wallet.balance(BOB)
        await send_samples(wallet, Subject.FAILED, vocabulary)
        failed = await wallet.answers.last(TRANSFER, revision=2)

        assert (Decimal("50.00"), Decimal("50.00")) == moved
        assert (Decimal("100.00"), Decimal("0.00")) == (await wallet.balance(ALICE), await wallet.balance(BOB))
        assert (True, True, False) == tuple(answer.read.is_completed for answer in (topup, transfer, failed))
        assert_is_sample(topup if vocabulary is Vocabulary.DOCUMENTED else failed)
        assert {vocabulary} == {answer.vocabulary for answer in wallet.answers.all}
        assert 3 == len(wallet.answers.all)


async def test_created_transactions_stay_with_their_service(site: Site) -> None:
    """``transaction.created`` moves nothing here, and ``transaction.created.q`` is never consumed from."""
    async with deployed(site) as wallet:
        await wallet.open(ALICE, BOB)
        await declare_created_queue(wallet.neighbour)
        before = wallet.books.facts()
        await send_samples(wallet, Subject.COMPLETED, Vocabulary.V1)
        await wallet.answers.last(TRANSFER)

        facts = wallet.books.facts()

        assert len(VOCABULARIES) == await wallet.neighbour.ready(CREATED_QUEUE)
        assert 0 == await wallet.neighbour.consumers(CREATED_QUEUE)
        assert 2 == len(facts["transactions"]) - len(before["transactions"])


def test_every_sample_is_used() -> None:
    """A sample that is added to the contract cannot be forgotten here."""
    both = (*IN[Subject.SIGNUP], *IN[Subject.COMPLETED], *IN[Subject.FAILED], CREATED)
    used = {f"{name}.{vocabulary.value}" for name in both for vocabulary in VOCABULARIES}
    used |= {f"{name}.{vocabulary.value}" for vocabulary, name in OUT.items()}

    assert {path.stem for path in SAMPLES.glob("*.json")} == used
