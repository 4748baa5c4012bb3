"""An answer may take its time: the wallet waits for a signup that has not come yet. Be patient, and do not guess."""

from __future__ import annotations

from tests.embedding.transactions_service.service import TransactionsService
from tests.embedding.transactions_service.tests.notices import Notices
from tests.embedding.transactions_service.tests.people import somebody_new, somebody_with
from tests.embedding.transactions_service.tests.wallet_under_test import WalletUnderTest
from tests.embedding.transactions_service.transaction import Status


async def test_a_transfer_waits_for_its_recipient(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """A recipient who was invited, and signs up after the transfer: it completes by itself."""
    ada, ben = await somebody_with(10_00, wallet, transactions), somebody_new()
    transfer = await transactions.transfer(ada, ben, 4_00)
    await transactions.complete(transfer)
    await wallet.settle()
    meanwhile = transactions.transaction(transfer).status, await wallet.balance_cents(ada)

    await wallet.sign_up(ben)
    await wallet.answered(transfer)

    assert (Status.PROCESSING, 10_00) == meanwhile
    assert ["completed"] == notices.about(transfer)
    assert (6_00, 4_00) == (await wallet.balance_cents(ada), await wallet.balance_cents(ben))


async def test_a_recipient_who_never_comes(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """In the end the transfer is refused; who signs up then does not get it."""
    ada, ben = await somebody_with(10_00, wallet, transactions), somebody_new()
    transfer = await transactions.transfer(ada, ben, 4_00)

    await transactions.complete(transfer)
    await wallet.answered(transfer)
    await wallet.sign_up(ben)
    await wallet.settle()

    assert ["failed: Wallet not found"] == notices.about(transfer)
    assert (10_00, 0) == (await wallet.balance_cents(ada), await wallet.balance_cents(ben))


async def test_what_waits_can_be_called_off(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices
) -> None:
    """The sender does not want to wait: nothing has moved and nothing will, even when the recipient comes."""
    ada, ben = await somebody_with(10_00, wallet, transactions), somebody_new()
    transfer = await transactions.transfer(ada, ben, 4_00)
    await transactions.complete(transfer)
    await wallet.settle()

    await transactions.fail(transfer, "Cancelled by the user")
    await wallet.settle()
    await wallet.sign_up(ben)
    await wallet.answered(transfer)

    assert ["failed: Transaction failed before it completed"] == notices.about(transfer)
    assert (10_00, 0) == (await wallet.balance_cents(ada), await wallet.balance_cents(ben))
