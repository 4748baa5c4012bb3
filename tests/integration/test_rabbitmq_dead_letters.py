"""The dead letters on a real broker: looked at, sent back, thrown away, and never lost."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pamqp.commands import Basic

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.dead_letters import DeadLetterMessage, DeadLetters, Discard, Replay, dead_letters
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE, Topology
from tests.neighbour import Neighbour, body_of
from tests.scenario import ALICE, signup, topup, transaction_id
from tests.wallet_service import WalletService, running
from wallet_core import Subject

UPDATE = "wallet.update.q"


@pytest.fixture
async def letters(rabbitmq_url: str) -> AsyncIterator[DeadLetters]:
    """Open the dead letters of a broker with the whole topology."""
    async with connected(rabbitmq_url, "topology") as connection:
        await Topology().declare(connection)
    async with dead_letters(rabbitmq_url) as queue:
        yield queue


async def put_letter(
    neighbour: Neighbour, letter_id: str, body: bytes, reason: str = "no_usable_id", source: str = UPDATE
) -> None:
    """Set a letter aside as the consumer does."""
    properties = Basic.Properties(
        delivery_mode=2,
        message_id=f"message-{letter_id}",
        headers={
            "x-wallet-dead-letter-id": letter_id,
            "x-wallet-reason": reason,
            "x-wallet-detail": "why",
            "x-wallet-source-queue": source,
            "x-wallet-routing-key": "transaction.completed",
            "x-wallet-first-seen": "2025-01-15T11:00:05.000Z",
            "x-wallet-attempts": 4,
        },
    )
    await neighbour.put(DEAD_LETTER_QUEUE, body, properties)


def everything(_: DeadLetterMessage) -> bool:
    """Select all."""
    return True


async def test_looking_changes_nothing(letters: DeadLetters, neighbour: Neighbour) -> None:
    """A list shows the oldest letters in order; afterwards all are there, in the same order."""
    for number in range(5):
        await put_letter(neighbour, f"letter-{number}", b"poison")

    first = await letters.list(messages_max=3)
    second = await letters.list()

    assert ["letter-0", "letter-1", "letter-2"] == [letter.id for letter in first]
    assert [f"letter-{number}" for number in range(5)] == [letter.id for letter in second]
    assert 5 == await neighbour.ready(DEAD_LETTER_QUEUE)


async def test_a_letter_says_everything(letters: DeadLetters, neighbour: Neighbour) -> None:
    """One letter is shown by its id, with its reason, its way and its whole body; its body is in no repr."""
    body = b"x" * 100_000
    await put_letter(neighbour, "other", b"other")
    await put_letter(neighbour, "wanted", body)

    letter = await letters.show("wanted")

    assert letter is not None
    assert ("no_usable_id", "why", UPDATE) == (letter.reason, letter.detail, letter.source_queue)
    assert ("transaction.completed", 4, 0) == (letter.routing_key, letter.attempts, letter.replayed)
    assert "message-wanted" == letter.message_id
    assert body == letter.body
    assert "xxx" not in repr(letter)
    assert len((await letters.list())[1].body) < letter.body_bytes


async def test_an_unknown_letter_is_none(letters: DeadLetters, neighbour: Neighbour) -> None:
    """Asking for a letter that is not there is answered with nothing, and leaves the others."""
    await put_letter(neighbour, "other", b"other")

    assert await letters.show("wanted") is None
    assert 1 == await neighbour.ready(DEAD_LETTER_QUEUE)


async def test_a_broker_without_the_queue_has_no_letters(rabbitmq_url: str) -> None:
    """Before the service ever ran there is nothing to show, and nothing is declared by looking."""
    async with dead_letters(rabbitmq_url) as queue:
        assert () == await queue.list()
        assert Replay(0, 0, 0) == await queue.replay(everything)
        assert Discard(0, 0) == await queue.discard(everything)


async def test_a_replay_sends_letters_back_to_their_source(letters: DeadLetters, neighbour: Neighbour) -> None:
    """The selected letters go to the queue they came from, without attempts, once more replayed; the others stay."""
    await put_letter(neighbour, "a", b"first", reason="isolated_error")
    await put_letter(neighbour, "b", b"second", reason="key_reused")

    done = await letters.replay(lambda letter: letter.reason == "isolated_error")

    assert Replay(replayed=1, skipped=0, failed=0) == done
    assert ["b"] == [letter.id for letter in await letters.list()]
    (message,) = await neighbour.fetch_all(UPDATE)
    assert b"first" == message.body
    assert "message-a" == message.properties.message_id
    assert (0, 1) == (message.headers["x-wallet-attempts"], message.headers["x-wallet-replayed"])
    assert "2025-01-15T11:00:05.000Z" == message.headers["x-wallet-first-seen"]
    assert "x-wallet-reason" not in message.headers


@pytest.mark.parametrize("source", ["", "transaction.created.q", "amq.rabbitmq.trace"])
async def test_what_is_not_ours_is_not_replayed(letters: DeadLetters, neighbour: Neighbour, source: str) -> None:
    """A letter that names no queue of ours is skipped: nobody can make us publish anywhere."""
    await put_letter(neighbour, "foreign", b"poison", source=source)

    assert Replay(replayed=0, skipped=1, failed=0) == await letters.replay(everything)
    assert 1 == await neighbour.ready(DEAD_LETTER_QUEUE)


async def test_a_letter_of_somebody_else_has_an_id_too(letters: DeadLetters, neighbour: Neighbour) -> None:
    """What has no headers of ours is called by its body, and can be discarded by that name."""
    await neighbour.put(DEAD_LETTER_QUEUE, b"put here by hand")
    (letter,) = await letters.list()

    assert letter.id.startswith("body-")
    assert Discard(1, 0) == await letters.discard(lambda other: other.id == letter.id)
    assert 0 == await neighbour.ready(DEAD_LETTER_QUEUE)


async def test_an_id_that_we_do_not_write_is_none(letters: DeadLetters, neighbour: Neighbour) -> None:
    """An id is something to type into the next command: one with other characters is not believed."""
    await put_letter(neighbour, "i\x1b[31m", b"forged")

    (letter,) = await letters.list()

    assert letter.id.startswith("body-")


async def test_a_letter_that_cannot_go_back_stays(letters: DeadLetters, neighbour: Neighbour) -> None:
    """When the source queue is gone the letter is not lost: it stays, and is counted as failed."""
    await put_letter(neighbour, "a", b"first")
    channel = await neighbour.channel()
    await channel.queue_delete(UPDATE)

    assert Replay(replayed=0, skipped=0, failed=1) == await letters.replay(everything)
    assert 1 == await neighbour.ready(DEAD_LETTER_QUEUE)


async def test_a_discard_removes_only_what_is_selected(letters: DeadLetters, neighbour: Neighbour) -> None:
    """Discarding one letter leaves the others in their order."""
    for letter_id in ("a", "b", "c"):
        await put_letter(neighbour, letter_id, b"poison")

    assert Discard(1, 0) == await letters.discard(lambda letter: letter.id == "b")
    assert ["a", "c"] == [letter.id for letter in await letters.list()]


async def test_the_letter_of_a_due_reversal_is_not_discarded(letters: DeadLetters, neighbour: Neighbour) -> None:
    """It is the only one that there will be; one that only looks like it, and cannot be replayed, may go."""
    await put_letter(neighbour, "due", b"owed", reason="reversal_shortfall")
    await put_letter(neighbour, "foreign", b"poison", reason="reversal_shortfall", source="")
    await put_letter(neighbour, "poison", b"poison")

    assert Discard(discarded=2, kept=1) == await letters.discard(everything)
    assert ["due"] == [letter.id for letter in await letters.list()]


async def test_the_last_of_very_many_letters_is_found(
    rabbitmq_url: str, letters: DeadLetters, neighbour: Neighbour
) -> None:
    """However many foreign letters are in front, a letter is thrown away by its id."""
    async with connected(rabbitmq_url, "somebody else") as connection:
        channel = connection.channel(publisher_confirms=False)
        await channel.initialize()
        underlay = await channel.get_underlay_channel()
        for number in range(10_000):
            await underlay.basic_publish(b"%d" % number, routing_key=DEAD_LETTER_QUEUE)
        await neighbour.wait_ready(DEAD_LETTER_QUEUE, 10_000)
    await put_letter(neighbour, "last", b"poison")

    assert Discard(discarded=1, kept=0) == await letters.discard(lambda letter: letter.id == "last")


async def test_a_call_is_bounded(letters: DeadLetters, neighbour: Neighbour) -> None:
    """No call touches more letters than it was allowed to."""
    for number in range(5):
        await put_letter(neighbour, f"letter-{number}", b"poison")

    assert Replay(replayed=2, skipped=0, failed=0) == await letters.replay(everything, messages_max=2)
    assert Discard(1, 0) == await letters.discard(everything, messages_max=1)
    assert ["letter-3", "letter-4"] == [letter.id for letter in await letters.list()]


class Interrupted(Exception):
    """The operator has pressed Ctrl-C."""


async def test_an_interrupted_replay_loses_nothing(letters: DeadLetters, neighbour: Neighbour) -> None:
    """Wherever a replay is interrupted, every letter is afterwards in its source queue or still here."""
    for number in range(4):
        await put_letter(neighbour, f"letter-{number}", b"poison %d" % number)
    looked_at: list[str] = []

    def selected(letter: DeadLetterMessage) -> bool:
        looked_at.append(letter.id)
        if len(looked_at) == 3:
            raise Interrupted
        return True

    with pytest.raises(Interrupted):
        await letters.replay(selected)

    assert ["letter-2", "letter-3"] == [letter.id for letter in await letters.list()]
    assert [b"poison 0", b"poison 1"] == [message.body for message in await neighbour.fetch_all(UPDATE)]


async def test_a_letter_that_fails_again_is_not_replayed_in_a_circle(
    rabbitmq_url: str, letters: DeadLetters, neighbour: Neighbour
) -> None:
    """A replay ends although every letter comes straight back; each counts its replays and keeps its first time."""
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        for number in range(20):
            await put_letter(neighbour, f"letter-{number}", b"poison")

        for _ in range(2):
            assert 20 == (await letters.replay(everything)).replayed
            await neighbour.wait_ready(DEAD_LETTER_QUEUE, 20)
        again = await letters.list()

    assert {2} == {letter.replayed for letter in again}
    assert {2025} == {letter.first_seen_at.year for letter in again}


async def test_replaying_twice_moves_money_once(rabbitmq_url: str, letters: DeadLetters, neighbour: Neighbour) -> None:
    """A letter that is in the queue and here, as after a killed replay, is applied once."""
    event = body_of(topup(transaction_id(1), ALICE, 100))
    await put_letter(neighbour, "a", event)
    await put_letter(neighbour, "a", event)
    async with running(WalletService(rabbitmq_url)) as service:
        await service.wait_consuming()
        await neighbour.send(signup(ALICE))
        await service.wait_balance(ALICE, 0)

        await letters.replay(lambda letter: letter.id == "a")
        await neighbour.send_bytes(Subject.COMPLETED, body_of(topup(transaction_id(2), ALICE, 1)))
        await service.wait_balance(ALICE, 10_100)

    assert 10_100 == await service.balance(ALICE)
