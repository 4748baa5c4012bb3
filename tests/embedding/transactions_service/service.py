"""The transactions service: what its API, its payment provider and the wallet ask of it.

``complete`` and ``fail`` may be called again, as a provider calls again when it got no reply, and an answer may come
again: nothing happens twice. (A real one keeps its transactions in a database; here it is a dict.)
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from tests.embedding.transactions_service.answer import read_answer
from tests.embedding.transactions_service.messages import (
    COMPLETED_KEY,
    FAILED_KEY,
    completed_message,
    failed_message,
)
from tests.embedding.transactions_service.transaction import Kind, Status, Transaction
from tests.embedding.transactions_service.wallet import Wallet

Notify = Callable[[Transaction], None]
"""Tells a user how a transaction ended: by e-mail, so once is enough."""

_log = logging.getLogger(__name__)


class NotAffordable(Exception):
    """The sender has less than the amount now, or no wallet."""


class TransactionsService:
    """Makes transactions and follows them to their end."""

    def __init__(self, wallet: Wallet, notify: Notify) -> None:
        """Take the ports; let ``wallet.subscribe`` call ``take_answer``."""
        self._wallet = wallet
        self._notify = notify
        self._transactions: dict[str, Transaction] = {}

    def transaction(self, transaction_id: str) -> Transaction:
        """Give a transaction as it is now. Raises KeyError."""
        return self._transactions[transaction_id]

    async def top_up(self, user_id: str, amount_cents: int) -> str:
        """Make a top-up and give its id. It waits for the payment provider, then call ``complete`` or ``fail``."""
        return self._add(Transaction(secrets.token_hex(12), Kind.TOPUP, user_id, None, amount_cents))

    async def transfer(self, sender_id: str, recipient_id: str, amount_cents: int) -> str:
        """
        Make a transfer and give its id.

        Raises NotAffordable: a courtesy to the user. Only the wallet decides, when the transfer completes.
        """
        balance_cents = await self._wallet.balance_cents(sender_id)
        if balance_cents is None or balance_cents < amount_cents:
            raise NotAffordable(f"{sender_id} has {balance_cents} cents, the transfer takes {amount_cents}")
        return self._add(Transaction(secrets.token_hex(12), Kind.TRANSFER, sender_id, recipient_id, amount_cents))

    async def complete(self, transaction_id: str) -> None:
        """Let the money move. Published again as long as there is no answer: the wallet knows the id."""
        transaction = self.transaction(transaction_id)
        if transaction.status not in (Status.PENDING, Status.PROCESSING):
            return
        # Kept before it is published: the answer may be here before `publish` returns.
        self._transactions[transaction_id] = transaction.processing()
        await self._wallet.publish(COMPLETED_KEY, completed_message(transaction))

    async def fail(self, transaction_id: str, reason: str) -> None:
        """Let the money stay, or go back. What the wallet has been told of fails when the wallet says so."""
        transaction = self.transaction(transaction_id)
        if transaction.status is Status.PENDING:
            self._end(transaction.failed(reason))
        elif transaction.status is not Status.FAILED:
            await self._wallet.publish(FAILED_KEY, failed_message(transaction, reason))

    async def take_answer(self, body: bytes) -> None:
        """Take an answer of the wallet, any number of times. Raises UnreadableAnswer."""
        answer = read_answer(body)
        transaction = self._transactions.get(answer.transaction_id)
        if transaction is None:
            _log.warning("the wallet answers about %s, which we have not made", answer.transaction_id)
            return
        answered = transaction.answered(answer)
        if answered is not transaction:
            self._end(answered)

    def _add(self, transaction: Transaction) -> str:
        self._transactions[transaction.id] = transaction
        return transaction.id

    def _end(self, transaction: Transaction) -> None:
        self._transactions[transaction.id] = transaction
        self._notify(transaction)
