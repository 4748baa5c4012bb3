"""Everything may come twice: the provider's call, our event at the wallet, the wallet's answer. It counts once."""

from __future__ import annotations

from tests.embedding.transactions_service.service import TransactionsService
from tests.embedding.transactions_service.tests.notices import Notices
from tests.embedding.transactions_service.tests.people import somebody
from tests.embedding.transactions_service.tests.wallet_under_test import WalletUnderTest
from tests.embedding.transactions_service.transaction import Status


async def test_the_provider_calls_twice(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """Before the answer or after it, a second call moves nothing and tells nobody."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    await transactions.complete(top_up)
    await transactions.complete(top_up)
    await wallet.settle()
    await transactions.complete(top_up)
    await wallet.settle()

    assert ["completed"] == notices.about(top_up)
    assert 12_50 == await wallet.balance_cents(ada)


async def test_an_event_is_delivered_twice(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """The wallet answers both copies, with the same bytes; the user hears once."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    wallet.deliver_twice()
    await transactions.complete(top_up)
    await wallet.settle()

    first, second = wallet.answers(top_up)
    assert first == second
    assert ["completed"] == notices.about(top_up)
    assert 12_50 == await wallet.balance_cents(ada)


async def test_a_failure_is_delivered_twice(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """The money goes back once."""
    ada = await somebody(wallet)
    top_up, other = await transactions.top_up(ada, 12_50), await transactions.top_up(ada, 20_00)
    await transactions.complete(top_up)
    await transactions.complete(other)
    await wallet.settle()

    wallet.deliver_twice()
    await transactions.fail(top_up, "The card's owner objected")
    await wallet.settle()

    assert ["completed", "failed: The card's owner objected"] == notices.about(top_up)
    assert 20_00 == await wallet.balance_cents(ada)


async def test_answers_come_again_in_any_order(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """A crash of ours before the ack brings answers back, the older perhaps behind the newer: the newest stands."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)
    await transactions.complete(top_up)
    await wallet.settle()
    await transactions.fail(top_up, "The card's owner objected")
    await wallet.settle()

    for body in [*reversed(wallet.answers(top_up)), *wallet.answers(top_up)]:
        await transactions.take_answer(body)

    assert Status.FAILED is transactions.transaction(top_up).status
    assert ["completed", "failed: The card's owner objected"] == notices.about(top_up)


async def test_an_answer_about_nothing_of_ours_is_passed_over(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """The wallet answers whoever asks: the answer to somebody else's transaction does no harm here."""
    ada = await somebody(wallet)
    elsewhere = TransactionsService(wallet, notices)
    top_up = await elsewhere.top_up(ada, 12_50)

    await elsewhere.complete(top_up)
    await wallet.settle()

    assert 1 == len(wallet.answers(top_up))
    assert [] == notices.about(top_up)
