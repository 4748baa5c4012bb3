"""Users to test with. Their ids are their own, since the tests of a running wallet share it."""

from __future__ import annotations

import secrets

from tests.embedding.transactions_service.service import TransactionsService
from tests.embedding.transactions_service.tests.wallet_under_test import WalletUnderTest


def somebody_new() -> str:
    """Give the id of a user who has not signed up."""
    return secrets.token_hex(12)


async def somebody(wallet: WalletUnderTest) -> str:
    """Let a user sign up."""
    user_id = somebody_new()
    await wallet.sign_up(user_id)
    return user_id


async def somebody_with(amount_cents: int, wallet: WalletUnderTest, transactions: TransactionsService) -> str:
    """Let a user sign up and top up."""
    user_id = await somebody(wallet)
    await transactions.complete(await transactions.top_up(user_id, amount_cents))
    await wallet.settle()
    return user_id
