"""About the real wallet alone: what can go wrong between it and us, and has no counterpart in memory."""

from __future__ import annotations

import aio_pika
import pytest

from tests.embedding.transactions_service.remote_wallet import ANSWER_KEY, EXCHANGE
from tests.embedding.transactions_service.service import TransactionsService
from tests.embedding.transactions_service.tests.notices import Notices
from tests.embedding.transactions_service.tests.people import somebody
from tests.embedding.transactions_service.tests.real_wallet import RealWallet, WalletAddress


@pytest.fixture
def wallet(real_wallet: RealWallet) -> RealWallet:
    """Take the real wallet, in this file."""
    return real_wallet


async def test_a_message_that_nobody_can_read_holds_up_nobody(
    wallet: RealWallet, transactions: TransactionsService, notices: Notices, wallet_address: WalletAddress
) -> None:
    """Something else in our queue is put aside; the answer behind it is read."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    async with await aio_pika.connect(wallet_address.rabbitmq_url) as connection, connection.channel() as channel:
        exchange = await channel.get_exchange(EXCHANGE)
        await exchange.publish(aio_pika.Message(b"no answer"), ANSWER_KEY)
    await transactions.complete(top_up)
    await wallet.settle()

    assert ["completed"] == notices.about(top_up)
