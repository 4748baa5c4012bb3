"""A transaction completes when the wallet says so, and not before."""

from __future__ import annotations

import pytest

from tests.embedding.transactions_service.service import NotAffordable, TransactionsService
from tests.embedding.transactions_service.tests.notices import Notices
from tests.embedding.transactions_service.tests.people import somebody, somebody_new, somebody_with
from tests.embedding.transactions_service.tests.wallet_under_test import WalletUnderTest
from tests.embedding.transactions_service.transaction import Status


async def test_a_top_up_completes(wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices) -> None:
    """The provider has the money; the user has it when the wallet has answered, and is told then."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    await transactions.complete(top_up)
    asked = transactions.transaction(top_up).status
    await wallet.settle()

    assert (Status.PROCESSING, Status.COMPLETED) == (asked, transactions.transaction(top_up).status)
    assert ["completed"] == notices.about(top_up)
    assert 12_50 == await wallet.balance_cents(ada)


async def test_a_transfer_completes(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """What one user sends, the other has."""
    ada, ben = await somebody_with(100_00, wallet, transactions), await somebody(wallet)
    transfer = await transactions.transfer(ada, ben, 30_50)

    await transactions.complete(transfer)
    await wallet.settle()

    assert ["completed"] == notices.about(transfer)
    assert (69_50, 30_50) == (await wallet.balance_cents(ada), await wallet.balance_cents(ben))


@pytest.mark.parametrize("amount_cents", [29, 10_10, 1_000_000_000_07])
async def test_every_cent_arrives(
    wallet: WalletUnderTest, transactions: TransactionsService, amount_cents: int
) -> None:
    """An amount goes over the wire as a JSON number, and is exact to the cent."""
    ada = await somebody_with(amount_cents, wallet, transactions)

    assert amount_cents == await wallet.balance_cents(ada)


async def test_what_is_pending_moves_nothing(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """A transaction that the provider has not confirmed is nothing to the wallet."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    await wallet.settle()

    assert Status.PENDING is transactions.transaction(top_up).status
    assert ([], 0) == (notices.about(top_up), await wallet.balance_cents(ada))


async def test_nobody_sends_more_than_there_is(wallet: WalletUnderTest, transactions: TransactionsService) -> None:
    """A transfer that the balance does not cover is not even made."""
    ada, ben = await somebody_with(10_00, wallet, transactions), await somebody(wallet)

    with pytest.raises(NotAffordable, match="has 1000 cents, the transfer takes 1001"):
        await transactions.transfer(ada, ben, 10_01)


async def test_nobody_sends_without_a_wallet(wallet: WalletUnderTest, transactions: TransactionsService) -> None:
    """Who has not signed up, or whose wallet is not open yet, cannot send."""
    ben = await somebody(wallet)

    with pytest.raises(NotAffordable):
        await transactions.transfer(somebody_new(), ben, 1)
