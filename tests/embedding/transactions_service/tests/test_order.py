"""No order is kept between queues: what was published first may be handled last. No order may cost anybody money."""

from __future__ import annotations

import pytest

from tests.embedding.transactions_service.service import TransactionsService
from tests.embedding.transactions_service.tests.notices import Notices
from tests.embedding.transactions_service.tests.people import somebody, somebody_new, somebody_with
from tests.embedding.transactions_service.tests.wallet_under_test import WalletUnderTest

IN_ORDER, TURNED = 0, 1
"""Seeds: the first leaves two events as they are, the second turns them."""


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        (IN_ORDER, ["completed", "failed: The bank was too slow"]),
        (TURNED, ["failed: Transaction failed before it completed"]),
    ],
)
async def test_a_failure_overtakes_its_completion_or_not(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices, seed: int, told: list[str]
) -> None:
    """Either the money moves and goes back, or it never moves: the last word is that it failed."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    wallet.reorder(seed)
    await transactions.complete(top_up)
    await transactions.fail(top_up, "The bank was too slow")
    await wallet.release()

    assert told == notices.about(top_up)
    assert 0 == await wallet.balance_cents(ada)


@pytest.mark.parametrize("seed", [0, 1, 5])  # the signup comes last, first, and in between
async def test_a_signup_comes_among_the_transfers(
    wallet: WalletUnderTest, transactions: TransactionsService, notices: Notices, seed: int
) -> None:
    """Three transfers to somebody who signs up meanwhile: each arrives once, those that were early a little later."""
    ada, ben = await somebody_with(10_00, wallet, transactions), somebody_new()
    transfers = [await transactions.transfer(ada, ben, amount_cents) for amount_cents in (1_00, 2_00, 4_00)]

    wallet.reorder(seed)
    for transfer in transfers:
        await transactions.complete(transfer)
    await wallet.sign_up(ben)
    await wallet.release()
    for transfer in transfers:
        await wallet.answered(transfer)

    assert [["completed"]] * 3 == [notices.about(transfer) for transfer in transfers]
    assert (3_00, 7_00) == (await wallet.balance_cents(ada), await wallet.balance_cents(ben))
