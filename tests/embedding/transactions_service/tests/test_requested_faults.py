"""About the wallet in memory alone: faults that it has on request, and what can be seen in it that no server shows.

These run once. To have them of a running service takes killing it, and stopping its broker; its own tests do that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from tests.embedding.transactions_service.messages import completed_message
from tests.embedding.transactions_service.service import TransactionsService
from tests.embedding.transactions_service.tests.in_memory_wallet import InMemoryWallet
from tests.embedding.transactions_service.tests.notices import Notices
from tests.embedding.transactions_service.tests.people import somebody, somebody_new
from tests.embedding.transactions_service.transaction import Status
from wallet_core import DeadLetterReason
from wallet_core.testing import InMemoryWalletService, WalletClock


@pytest.fixture
def wallet(in_memory_wallet: InMemoryWallet) -> InMemoryWallet:
    """Take the wallet in memory, in this file."""
    return in_memory_wallet


async def test_the_wallet_crashes_after_its_commit(
    wallet: InMemoryWallet, transactions: TransactionsService, notices: Notices, wallet_service: InMemoryWalletService
) -> None:
    """Its ack is lost, so the event comes to it again, and the answer to us: the money has moved once."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    wallet_service.lose_next_ack()
    await transactions.complete(top_up)
    await wallet.settle()

    first, second = wallet.answers(top_up)
    assert first == second
    assert (["completed"], 12_50) == (notices.about(top_up), await wallet.balance_cents(ada))


async def test_the_broker_is_away_when_the_wallet_answers(
    wallet: InMemoryWallet, transactions: TransactionsService, notices: Notices, wallet_service: InMemoryWalletService
) -> None:
    """The wallet publishes what its books say now: an answer that was true meanwhile only is never seen."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)

    wallet_service.bus.is_away = True
    await transactions.complete(top_up)
    await transactions.fail(top_up, "The bank was too slow")
    await wallet.settle()
    meanwhile = notices.about(top_up)
    wallet_service.bus.is_away = False
    await somebody(wallet)
    await wallet.settle()

    assert ([], ["failed: The bank was too slow"]) == (meanwhile, notices.about(top_up))


class HastyWallet(InMemoryWallet):
    """A wallet so quick that its answer has been read before ``publish`` returns."""

    async def publish(self, routing_key: str, message: Mapping[str, object]) -> None:
        """Publish, and read what comes of it."""
        await super().publish(routing_key, message)
        await self.settle()


async def test_the_answer_is_here_before_we_have_published(
    notices: Notices, wallet_service: InMemoryWalletService, wallet_clock: WalletClock
) -> None:
    """The wallet may be faster than the broker's confirmation to us: the answer is not overwritten."""
    wallet = HastyWallet(wallet_service, wallet_clock)
    transactions = TransactionsService(wallet, notices)
    await wallet.subscribe(transactions.take_answer)
    top_up = await transactions.top_up(await somebody(wallet), 12_50)

    await transactions.complete(top_up)

    assert Status.COMPLETED is transactions.transaction(top_up).status


async def test_how_long_the_wallet_waits_for_a_signup(
    wallet: InMemoryWallet, transactions: TransactionsService, notices: Notices, wallet_clock: WalletClock
) -> None:
    """With the delays of a deployment that sets none, a user is told after 51 seconds, and not before."""
    top_up = await transactions.top_up(somebody_new(), 12_50)
    await transactions.complete(top_up)

    wallet_clock.advance(timedelta(seconds=50, milliseconds=999))
    await wallet.settle()
    before = notices.about(top_up)
    wallet_clock.advance(timedelta(milliseconds=1))
    await wallet.settle()

    assert ([], ["failed: Wallet not found"]) == (before, notices.about(top_up))


async def test_an_id_is_never_used_again(
    wallet: InMemoryWallet, transactions: TransactionsService, wallet_service: InMemoryWalletService
) -> None:
    """Did an id of ours come with another amount, nobody would be answered: a person of the wallet would call us."""
    ada = await somebody(wallet)
    top_up = await transactions.top_up(ada, 12_50)
    await transactions.complete(top_up)

    message = completed_message(transactions.transaction(top_up)) | {"amount": 1250}
    await wallet.publish("transaction.completed", message)
    await wallet.settle()

    assert [DeadLetterReason.KEY_REUSED] == [letter.reason for letter in wallet_service.dead_letters]
    assert (1, 12_50) == (len(wallet.answers(top_up)), await wallet.balance_cents(ada))


async def test_all_that_we_say_is_read(
    wallet: InMemoryWallet, transactions: TransactionsService, wallet_service: InMemoryWalletService
) -> None:
    """Neither of our messages is set aside, and the wallet has read what we mean: see its own record."""
    ada, ben = await somebody(wallet), await somebody(wallet)
    await transactions.complete(await transactions.top_up(ada, 12_50))
    transfer = await transactions.transfer(ada, ben, 2_50)

    await transactions.complete(transfer)
    await transactions.fail(transfer, "Cancelled by the user")

    assert [] == wallet_service.dead_letters
    assert [(250, "debit", ben), (250, "credit", ben)] == [
        (entry.amount_minor, entry.direction, entry.counterparty_id)
        for entry in reversed(wallet_service.statement(ada).entries[:2])
    ]
