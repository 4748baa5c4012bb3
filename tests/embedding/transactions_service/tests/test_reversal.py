"""A transaction that fails after it completed: the money goes back, and the wallet says when."""

from __future__ import annotations

from tests.embedding.transactions_service.service import TransactionsService
from tests.embedding.transactions_service.tests.notices import Notices
from tests.embedding.transactions_service.tests.people import somebody, somebody_with
from tests.embedding.transactions_service.tests.wallet_under_test import WalletUnderTest
from tests.embedding.transactions_service.transaction import Status


async def test_a_charge_back_takes_the_money_back(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """The card's owner objects: the top-up fails for the reason that we gave, and its money is gone."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)
    await transactions.complete(top_up)
    await wallet.settle()

    await transactions.fail(top_up, "The card's owner objected")
    asked = transactions.transaction(top_up).status
    await wallet.settle()

    assert (Status.COMPLETED, Status.FAILED) == (asked, transactions.transaction(top_up).status)
    assert ["completed", "failed: The card's owner objected"] == notices.about(top_up)
    assert 0 == await wallet.balance_cents(ada)


async def test_a_transfer_goes_back_once(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """Whoever is impatient and cancels twice gets the money once."""
    ada, ben = await somebody_with(10_00, wallet, transactions), await somebody_with(10_00, wallet, transactions)
    transfer = await transactions.transfer(ada, ben, 4_00)
    await transactions.complete(transfer)
    await wallet.settle()

    await transactions.fail(transfer, "Cancelled by the user")
    await transactions.fail(transfer, "Cancelled by the user")
    await wallet.settle()

    assert ["completed", "failed: Cancelled by the user"] == notices.about(transfer)
    assert (10_00, 10_00) == (await wallet.balance_cents(ada), await wallet.balance_cents(ben))


async def test_a_failure_before_the_answer(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """A failure need not wait for the answer; in the end the money is where it was, and that is what is told last."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    await transactions.complete(top_up)
    await transactions.fail(top_up, "The bank was too slow")
    await wallet.settle()

    assert Status.FAILED is transactions.transaction(top_up).status
    assert notices.about(top_up)[-1].startswith("failed")
    assert 0 == await wallet.balance_cents(ada)


async def test_what_never_completed_fails_without_the_wallet(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """The provider declines: the wallet has never heard of it, and a late confirmation changes nothing."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    await transactions.fail(top_up, "The card was declined")
    await transactions.complete(top_up)
    await wallet.settle()

    assert ["failed: The card was declined"] == notices.about(top_up)
    assert ([], 0) == (wallet.answers(top_up), await wallet.balance_cents(ada))


async def test_money_that_was_spent_goes_back_later(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """The recipient has spent it: the transfer stays completed until there is money again; nobody is below zero."""
    ada, ben, shop = await somebody_with(60_00, wallet, transactions), await somebody(wallet), await somebody(wallet)
    transfer = await transactions.transfer(ada, ben, 60_00)
    await transactions.complete(transfer)
    await wallet.settle()
    await transactions.complete(await transactions.transfer(ben, shop, 60_00))
    await wallet.settle()

    await transactions.fail(transfer, "Sent by mistake")
    await wallet.settle()
    meanwhile = transactions.transaction(transfer).status, await wallet.balance_cents(ben)
    await transactions.complete(await transactions.top_up(ben, 75_00))
    await wallet.answered(transfer, revision=2)

    assert (Status.COMPLETED, 0) == meanwhile
    assert ["completed", "failed: Sent by mistake"] == notices.about(transfer)
    assert (60_00, 15_00) == (await wallet.balance_cents(ada), await wallet.balance_cents(ben))
