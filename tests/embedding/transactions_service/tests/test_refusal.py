"""What the wallet refuses has failed, for the wallet's reason, and nothing has moved. Its rules are its own."""

from __future__ import annotations

import pytest

from tests.embedding.transactions_service.service import TransactionsService
from tests.embedding.transactions_service.tests.notices import Notices
from tests.embedding.transactions_service.tests.people import somebody, somebody_with
from tests.embedding.transactions_service.tests.wallet_under_test import WalletUnderTest
from tests.embedding.transactions_service.transaction import Status


async def test_money_cannot_be_spent_twice(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """Two transfers were affordable when they were made, but not both: the second is refused."""
    ada, ben = await somebody_with(10_00, wallet, transactions), await somebody(wallet)
    first = await transactions.transfer(ada, ben, 8_00)
    second = await transactions.transfer(ada, ben, 8_00)

    await transactions.complete(first)
    await transactions.complete(second)
    await wallet.settle()

    assert ["completed"] == notices.about(first)
    assert ["failed: Insufficient balance"] == notices.about(second)
    assert (2_00, 8_00) == (await wallet.balance_cents(ada), await wallet.balance_cents(ben))


async def test_a_transfer_needs_two_people(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """Nobody sends money to himself."""
    ada = await somebody_with(10_00, wallet, transactions)
    transfer = await transactions.transfer(ada, ada, 1_00)

    await transactions.complete(transfer)
    await wallet.settle()

    assert ["failed: Cannot transfer to the same wallet"] == notices.about(transfer)
    assert 10_00 == await wallet.balance_cents(ada)


@pytest.mark.parametrize(
    ("amount_cents", "reason"),
    [
        (0, "Invalid amount: must be greater than zero"),
        (-5_00, "Invalid amount: must be greater than zero"),
        (10**15 + 1, "Invalid amount: more than 10000000000000.00 USD"),
    ],
)
async def test_an_amount_must_be_possible(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices, amount_cents: int, reason: str
) -> None:
    """A top-up of nothing, of less, or of more than there is in the world fails."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, amount_cents)

    await transactions.complete(top_up)
    await wallet.settle()

    assert [f"failed: {reason}"] == notices.about(top_up)
    assert 0 == await wallet.balance_cents(ada)


async def test_what_was_refused_stays_refused(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """Money that comes later changes nothing, nor does the provider's second call, nor a failure."""
    ada, ben = await somebody_with(10_00, wallet, transactions), await somebody(wallet)
    spent, refused = await transactions.transfer(ada, ben, 10_00), await transactions.transfer(ada, ben, 10_00)
    await transactions.complete(spent)
    await transactions.complete(refused)
    await wallet.settle()

    await transactions.complete(await transactions.top_up(ada, 50_00))
    await transactions.complete(refused)
    await transactions.fail(refused, "Cancelled by the user")
    await wallet.settle()

    assert Status.FAILED is transactions.transaction(refused).status
    assert ["failed: Insufficient balance"] == notices.about(refused)
    assert (50_00, 10_00) == (await wallet.balance_cents(ada), await wallet.balance_cents(ben))
