"""The lives of transactions through the real process: doubled, late, out of order, reversed, refused."""

from __future__ import annotations

import time
from decimal import Decimal

from tests.e2e.deployment import RETRY_DELAYS_MS, STATEMENT, Deployment, new_id
from tests.scenario import Event, failed, failed_as, signup, topup, topup_v1, transfer, transfer_v1
from wallet_core import Subject, Vocabulary

COPIES = 20
_MS_PER_S = 1_000


async def funded(wallet: Deployment, amount: int) -> str:
    """Open a wallet with so many dollars, and give its owner."""
    user_id = new_id()
    await wallet.open(user_id)
    await wallet.send(topup(new_id(), user_id, amount))
    await wallet.wait_balance(user_id, str(amount))
    return user_id


async def completed(wallet: Deployment, event: Event) -> None:
    """Publish a ``completed`` and wait for its good answer."""
    await wallet.send(event)
    answer = await wallet.answers.last(str(event.message["transactionId"]))
    assert answer.read.is_completed, answer.message


async def test_a_duplicate_is_answered_again_and_moves_nothing(wallet: Deployment) -> None:
    """The same top-up twice is one credit; both answers are the same message, byte for byte."""
    user_id, transaction_id = new_id(), new_id()
    await wallet.open(user_id)
    event = topup(transaction_id, user_id, 12.5)
    await wallet.send(event)
    await wallet.answers.last(transaction_id)

    await wallet.send(event)
    first, second = await wallet.answers.about(transaction_id, count=2)

    assert (first.body, first.properties.message_id) == (second.body, second.properties.message_id)
    assert Decimal("12.50") == await wallet.balance(user_id)
    assert 1 == wallet.books.entries(transaction_id)


async def test_twenty_copies_are_one_transfer(wallet: Deployment) -> None:
    """Twenty copies of a transfer, at once and in both vocabularies, move the money once and get one answer's bytes."""
    sender, recipient, transaction_id = await funded(wallet, 100), new_id(), new_id()
    await wallet.open(recipient)
    copies = [transfer(transaction_id, sender, recipient, 30), transfer_v1(transaction_id, sender, recipient, 30)]
    repeated = await wallet.metric("wallet_events_total", subject="transaction.completed", outcome="repeated")

    await wallet.send(*(copies[number % 2] for number in range(COPIES)))
    await wallet.wait_metric(
        repeated + COPIES - 1, "wallet_events_total", subject="transaction.completed", outcome="repeated"
    )
    await wallet.wait_rest()
    answers = await wallet.answers.about(transaction_id)

    assert 1 == len({(answer.body, answer.properties.message_id) for answer in answers})
    assert (Decimal("70.00"), Decimal("30.00")) == (await wallet.balance(sender), await wallet.balance(recipient))
    assert 2 == wallet.books.entries(transaction_id)


async def test_a_transfer_waits_for_a_late_signup(wallet: Deployment) -> None:
    """A transfer to somebody unknown is not answered but tried again, until the signup comes; then it is applied."""
    sender, late, transaction_id = await funded(wallet, 100), new_id(), new_id()
    retries = await wallet.metric("wallet_retries_total", subject="transaction.completed")

    await wallet.send(transfer_v1(transaction_id, sender, late, 40))
    await wallet.wait_metric(retries + 3, "wallet_retries_total", subject="transaction.completed")
    await wallet.answers.look()
    untouched = await wallet.balance(sender)
    await wallet.send(signup(late))
    answer = await wallet.answers.last(transaction_id)

    assert Decimal("100.00") == untouched
    assert (True, Vocabulary.V1) == (answer.read.is_completed, answer.vocabulary)
    assert 1 == len(await wallet.answers.about(transaction_id))
    assert Decimal("40.00") == await wallet.balance(late)


async def test_a_failure_that_overtakes_its_completion_wins(wallet: Deployment) -> None:
    """``failed`` before ``completed``: no money ever moves, and the completion is answered as failed."""
    user_id, transaction_id = await funded(wallet, 10), new_id()
    voids = await wallet.metric("wallet_events_total", subject="transaction.failed", outcome="void")
    await wallet.send(failed(transaction_id, "Card was declined"))
    await wallet.wait_metric(voids + 1, "wallet_events_total", subject="transaction.failed", outcome="void")

    await wallet.send(topup(transaction_id, user_id, 50))
    answer = await wallet.answers.last(transaction_id)

    assert (False, "Transaction failed before it completed") == (answer.read.is_completed, answer.read.reason)
    assert Decimal("10.00") == await wallet.balance(user_id)
    assert "void" == wallet.books.state(transaction_id)


async def test_a_failure_takes_the_money_back(wallet: Deployment) -> None:
    """``failed`` after ``completed`` posts the opposite entries once, and the last answer says so."""
    sender, recipient, transaction_id = await funded(wallet, 100), new_id(), new_id()
    await wallet.open(recipient)
    event = transfer(transaction_id, sender, recipient, 25)
    await completed(wallet, event)

    await wallet.send(*[failed_as(event).but(reason="Bank said no")] * 2)
    answer = await wallet.answers.last(transaction_id, revision=2)
    await wallet.wait_rest()

    assert (False, "Bank said no") == (answer.read.is_completed, answer.read.reason)
    assert (Decimal("100.00"), Decimal("0.00")) == (await wallet.balance(sender), await wallet.balance(recipient))
    assert 4 == wallet.books.entries(transaction_id)


async def test_a_completion_after_its_reversal_is_answered_with_the_reversal(wallet: Deployment) -> None:
    """A copy of ``completed`` that comes after ``failed`` brings the answer of the reversal again, not the first."""
    user_id, transaction_id = new_id(), new_id()
    await wallet.open(user_id)
    event = topup_v1(transaction_id, user_id, 5)
    await completed(wallet, event)
    await wallet.send(failed(transaction_id))
    reversal = await wallet.answers.last(transaction_id, revision=2)

    await wallet.send(event)
    *_, repeated = await wallet.answers.about(transaction_id, count=3)

    assert reversal.body == repeated.body
    assert Decimal("0.00") == await wallet.balance(user_id)


async def test_an_overdraft_is_refused_with_its_reason(wallet: Deployment) -> None:
    """A transfer of more than there is moves nothing; answer and log say why, under its id."""
    sender, recipient, transaction_id = await funded(wallet, 10), new_id(), new_id()
    await wallet.open(recipient)

    await wallet.send(transfer(transaction_id, sender, recipient, 10.01))
    answer = await wallet.answers.last(transaction_id)

    assert (False, "Insufficient balance") == (answer.read.is_completed, answer.read.reason)
    assert transaction_id in [line["transaction_id"] for line in wallet.process.lines("event_handled")]
    assert (Decimal("10.00"), Decimal("0.00")) == (await wallet.balance(sender), await wallet.balance(recipient))


async def test_a_reversal_that_falls_short_becomes_one_dead_letter_and_can_be_replayed(wallet: Deployment) -> None:
    """Spent money cannot go back: all delays, then one dead letter; replayed when there are funds, it goes back."""
    sender, spender, shop = await funded(wallet, 60), new_id(), new_id()
    await wallet.open(spender, shop)
    spent = transfer(new_id(), sender, spender, 60)
    transaction_id = str(spent.message["transactionId"])
    await completed(wallet, spent)
    await completed(wallet, transfer(new_id(), spender, shop, 60))
    retries = await wallet.metric("wallet_retries_total", subject="transaction.failed")
    began_s = time.monotonic()

    await wallet.send(failed(transaction_id, "Bank said no"))
    await wallet.neighbour.wait_ready("wallet.dead-letter.q", 1)
    waited_s = time.monotonic() - began_s
    state, retried = (
        wallet.books.state(transaction_id),
        await wallet.metric("wallet_retries_total", subject="transaction.failed"),
    )
    _, listed, _ = await wallet.run("dead-letters", "list")
    await completed(wallet, topup(new_id(), spender, 60))
    exit_code, said, _ = await wallet.run("dead-letters", "replay", "--reason", "reversal_shortfall")
    answer = await wallet.answers.last(transaction_id, revision=2)
    await wallet.wait_rest()

    assert len(RETRY_DELAYS_MS) == retried - retries
    assert waited_s >= sum(RETRY_DELAYS_MS) / _MS_PER_S
    assert "reversal_due" == state
    assert 1 == listed.count("reversal_shortfall")
    assert (0, "1 replayed, 0 skipped, 0 failed\n") == (exit_code, said)
    assert (False, "Bank said no") == (answer.read.is_completed, answer.read.reason)
    assert (Decimal("60.00"), Decimal("0.00")) == (await wallet.balance(sender), await wallet.balance(spender))
    assert 0 == await wallet.neighbour.ready("wallet.dead-letter.q")


async def test_a_reused_transaction_id_is_set_aside(wallet: Deployment) -> None:
    """The same transaction id with another amount moves nothing, is not answered, and is a dead letter."""
    user_id, transaction_id = new_id(), new_id()
    await wallet.open(user_id)
    event = topup(transaction_id, user_id, 5)
    await completed(wallet, event)

    await wallet.send(event.but(amount=500))
    (letter,) = await wallet.take_dead_letters(1)

    assert "key_reused" == letter.headers["x-wallet-reason"]
    assert Subject.COMPLETED.value == letter.headers["x-wallet-routing-key"]
    assert 1 == len(await wallet.answers.about(transaction_id))
    assert Decimal("5.00") == await wallet.balance(user_id)


async def test_an_id_in_upper_case_is_the_same_id(wallet: Deployment) -> None:
    """24 hex digits are one id in either case, for users and for transactions: a copy in capitals moves nothing."""
    user_id, transaction_id = f"abcdef{new_id()[6:]}", f"fedcba{new_id()[6:]}"
    await wallet.send(Event(Subject.SIGNUP, {"id": user_id.upper()}))
    await wallet.wait_balance(user_id, "0.00")

    await wallet.send(topup(transaction_id.upper(), user_id, 5))
    await wallet.answers.last(transaction_id)
    await wallet.send(topup(transaction_id, user_id.upper(), 5))
    first, second = await wallet.answers.about(transaction_id, count=2)

    assert transaction_id == first.message["transactionId"]
    assert first.body == second.body
    assert Decimal("5.00") == await wallet.balance(user_id)


async def test_odd_texts_cost_nobody_the_money(wallet: Deployment) -> None:
    """NUL, half a character, and a novel in a description or a reason are kept, mended or cut."""
    user_id, kept, reversed_id = new_id(), new_id(), new_id()
    odd = "\x00 ' \" {$where} \ud800 " + "é" * 5_000
    await wallet.open(user_id)
    await wallet.send(
        topup(kept, user_id, 5).but(description=odd, completedAt="9999-12-31T23:59:59+23:59"),
        topup(reversed_id, user_id, 7),
    )
    await wallet.answers.last(reversed_id)
    await wallet.send(failed(reversed_id, odd))
    answer = await wallet.answers.last(reversed_id, revision=2)
    statement = await wallet.get(STATEMENT, user_id)

    assert (await wallet.answers.last(kept)).read.is_completed
    assert 200 == len(str(answer.read.reason))
    assert 3 == len(statement.json()["transactions"])
    assert Decimal("5.00") == await wallet.balance(user_id)
