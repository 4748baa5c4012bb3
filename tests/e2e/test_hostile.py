"""The whole hostile list through the broker in one go: no money moves, and the next good event is applied."""

from __future__ import annotations

from decimal import Decimal

from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE
from tests.e2e.deployment import QUEUES_AT_WORK, Deployment, Site, deployed, new_id
from tests.e2e.hostile_messages import HostileMessage, hostile_messages
from tests.scenario import topup, transfer
from wallet_core import DeadLetterReason, Refuse


async def test_no_hostile_message_moves_money_or_stops_the_next_one(site: Site) -> None:
    """Each hostile message is answered or set aside with its reason, nothing circles, nothing stays unacknowledged."""
    rich, other, last = new_id(), new_id(), new_id()
    hostile = hostile_messages(rich, other)
    async with deployed(site) as wallet:
        await wallet.open(rich, other)
        await wallet.send(topup(new_id(), rich, 1_000))
        await wallet.wait_balance(rich, "1000.00")
        before = wallet.books.facts()

        for message in hostile:
            await wallet.neighbour.send_bytes(message.subject, message.body, message.sent_properties())
        await wallet.send(transfer(last, rich, other, 1))
        applied = await wallet.answers.last(last)
        await assert_refused(wallet, hostile)
        await assert_set_aside(wallet, hostile)
        await wallet.wait_rest()

        assert applied.read.is_completed
        assert (Decimal("999.00"), Decimal("1.00")) == (await wallet.balance(rich), await wallet.balance(other))
        facts = wallet.books.facts()
        assert (len(before["wallets"]), 2) == (len(facts["wallets"]), len(facts["entries"]) - len(before["entries"]))
        await wallet.assert_books_fit()
        assert 0 == await wallet.process.terminate()
        # What was delivered and never acknowledged would be back in its queue now.
        assert [0] * len(QUEUES_AT_WORK) == [await wallet.neighbour.ready(name) for name in QUEUES_AT_WORK]


async def assert_refused(wallet: Deployment, hostile: list[HostileMessage]) -> None:
    """Hold every refusal to its reason; one answer each, and no answer about anything else."""
    refusals = {message.transaction_id: message.ends_as for message in hostile if isinstance(message.ends_as, Refuse)}
    for transaction_id, refusal in refusals.items():
        (answer,) = await wallet.answers.about(transaction_id)
        assert (False, refusal.reason) == (answer.read.is_completed, answer.read.reason)
    assert len(refusals) + 2 == len(wallet.answers.all)


async def assert_set_aside(wallet: Deployment, hostile: list[HostileMessage]) -> None:
    """Hold every dead letter to its reason and its body; one each, and none of anything else."""
    expected = {message.name: message for message in hostile if isinstance(message.ends_as, DeadLetterReason)}
    letters = {str(letter.properties.message_id): letter for letter in await wallet.take_dead_letters(len(expected))}
    assert expected.keys() == letters.keys()
    for name, letter in letters.items():
        assert expected[name].ends_as == letter.headers["x-wallet-reason"], name
        assert expected[name].body == letter.body, name
        assert expected[name].subject.value == letter.headers["x-wallet-routing-key"], name
    assert 0 == await wallet.neighbour.ready(DEAD_LETTER_QUEUE)
