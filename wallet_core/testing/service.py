"""A whole wallet service in memory, for the tests of its neighbours: the real rules, and no server.

It is the service itself on the adapters in memory: each event goes as JSON through the same reading, intake, posting,
outbox and relay as one from RabbitMQ, on books that pass the same suites as MongoDB. A refusal is a finalization with a
reason, what cannot be judged is a dead letter: only a mistake of the test itself is an error (``testing.errors``).

Each call does its work before it returns and waits for nothing: any event loop will do, and what is not ``async`` needs
none. For one thread. A list that it gives is the caller's own: it does not grow. Bounds: ``traffic.EVENTS_MAX``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from wallet_core.audit import Finding
from wallet_core.events import TransactionFinalized, Vocabulary
from wallet_core.fields import iso_milliseconds, usable_id
from wallet_core.intake import Handled
from wallet_core.ledger import TransactionRecord
from wallet_core.memory import DeadLettered, MemoryBus, MemoryStore, Published, Waiting
from wallet_core.messages import Subject
from wallet_core.money import Money, major_units
from wallet_core.policy import Policy
from wallet_core.ports import StatementQuery
from wallet_core.queries import STATEMENT_ROWS_MAX, Statement, balance, statement
from wallet_core.settlement import RETRY_DELAYS_MS
from wallet_core.testing.clock import WalletClock
from wallet_core.testing.errors import UnknownTransaction, UnknownWallet
from wallet_core.testing.event_body import event_body
from wallet_core.testing.events import USD, Event, failed, signup, topup, topup_v1, transfer, transfer_v1
from wallet_core.testing.traffic import Traffic, finished

DOLLARS = Policy(USD)
"""What a service decides unless told otherwise: dollars, no opening balance, a reversal waits for its money."""


class InMemoryWalletService:
    """
    The wallet service as its neighbours see it: events in, finalizations out, and the books to look at.

    An amount is ``Money`` or an ``int`` of minor units, so 1250 is 12.50 dollars; only in a raw message it is a number
    of major units, as on the wire. ``policy`` and ``clock`` may be read. Whatever lets an event come raises
    TooManyEvents after 100,000 of them.

    >>> import asyncio
    >>> from wallet_core.testing import InMemoryWalletService
    >>> async def story(service: InMemoryWalletService) -> None:
    ...     await service.signup("ada")
    ...     await service.signup("ben")
    ...     await service.complete_topup("t1", "ada", 10_000)
    ...     answer = await service.complete_transfer("t2", "ben", "ada", 1_250)
    ...     print(answer.status, answer.reason)
    >>> service = InMemoryWalletService()
    >>> asyncio.run(story(service))
    failed Insufficient balance
    >>> service.balance("ada").major
    Decimal('100.00')
    >>> service
    <InMemoryWalletService in USD: 2 wallets, 2 transactions, 2 finalizations, 0 waiting, 0 dead letters>
    """

    def __init__(
        self,
        policy: Policy = DOLLARS,
        *,
        clock: WalletClock | None = None,
        vocabulary: Vocabulary = Vocabulary.DOCUMENTED,
        retry_delays_ms: Sequence[int] = RETRY_DELAYS_MS,
    ) -> None:
        """
        Start with empty books.

        ``clock`` is moved by the test, and what waits is handled as it passes. ``vocabulary`` is what
        ``complete_topup`` and ``complete_transfer`` speak, and so what they are answered in. ``retry_delays_ms``: how
        long an event waits for a wallet that is unknown, one delay after the other, before it is refused.

        Raises ValueError for a ``vocabulary`` that is none, and when there is no delay or one that is not above 0.
        """
        self.policy = policy
        self.clock: WalletClock = clock or WalletClock()
        self._vocabulary = Vocabulary(vocabulary)
        self._traffic = Traffic(policy, self.clock, retry_delays_ms)

    def __repr__(self) -> str:
        """Show what there is."""
        return f"<{type(self).__name__} in {self.policy.currency.code}: {self._situation()}>"

    # ------------------------------------------------------------------------------------------------------ events in

    async def signup(self, user_id: str) -> None:
        """
        Let a user sign up: the wallet opens. The second time nothing happens.

        Raises ValueError for what is no id; ``deliver`` takes such a message, too, and the wallet sets it aside.
        """
        await self._tell(signup(_id(user_id)), "createdAt")

    async def complete_topup(
        self, transaction_id: str, user_id: str, amount: Money | int
    ) -> TransactionFinalized | None:
        """
        Let a top-up complete. Gives what ``deliver`` gives.

        Raises TypeError for an ``amount`` that is neither Money nor int, ValueError for Money of another currency and
        for what is no id.
        """
        completed = topup_v1 if self._vocabulary is Vocabulary.V1 else topup
        return await self._tell(completed(_id(transaction_id), _id(user_id), self._major(amount)), "completedAt")

    async def complete_transfer(
        self, transaction_id: str, sender_id: str, recipient_id: str, amount: Money | int
    ) -> TransactionFinalized | None:
        """
        Let a transfer complete. Gives what ``deliver`` gives.

        Raises TypeError for an ``amount`` that is neither Money nor int, ValueError for Money of another currency and
        for what is no id.
        """
        completed = transfer_v1 if self._vocabulary is Vocabulary.V1 else transfer
        parties = _id(sender_id), _id(recipient_id)
        return await self._tell(completed(_id(transaction_id), *parties, self._major(amount)), "completedAt")

    async def fail(self, transaction_id: str, reason: str | None = None) -> TransactionFinalized | None:
        """
        Let a transaction fail: its money goes back, or it may not complete any more. Gives what ``deliver`` gives.

        None is the answer to a failure that has nothing to take back, or not yet: the recipient has spent the money.
        Raises ValueError for what is no id.
        """
        return await self._tell(failed(_id(transaction_id), reason), "failedAt")

    async def deliver(self, routing_key: str, message: Mapping[str, object] | bytes) -> TransactionFinalized | None:
        """
        Hand over a message under its routing key, as any neighbour may write it; bytes are taken as they are.

        Gives the finalization that it brought, the last one if there are more. None when it brought none: it waits
        (``waiting``), was set aside (``dead_letters``), is held back (``reorder``), or has no answer; the last of
        ``handled`` says which. Raises ValueError for a routing key that no queue of the wallet is bound to, and
        TypeError or ValueError for a message that is neither, or holds a value that no JSON can carry.
        """
        before = len(self.bus.published)
        await self._traffic.take(_subject_of(routing_key), _body_of(message))
        new = self.bus.published[before:]
        return new[-1].answer if new else None

    # --------------------------------------------------------------------------------------------- faults by request

    def lose_next_ack(self) -> None:
        """Lose the ack of the next event, as a crash after the commit does: it comes again, and is answered again."""
        self.bus.lose_next_ack()

    def deliver_twice(self) -> None:
        """Let the next event come twice, as a producer's retry does."""
        self._traffic.duplicate_next()

    def reorder(self, seed: int) -> None:
        """Hold back every event from now on, until ``release`` lets them come in an order that ``seed`` chooses."""
        self._traffic.hold(seed)

    async def release(self) -> list[TransactionFinalized]:
        """Let come what ``reorder`` holds back, end the holding, and give the finalizations that it brought."""
        before = len(self.bus.published)
        await self._traffic.release()
        return [published.answer for published in self.bus.published[before:]]

    # ------------------------------------------------------------------------------------------------ what came of it

    @property
    def finalizations(self) -> list[TransactionFinalized]:
        """Every answer in the order of publication; one that was published again is there again."""
        return [published.answer for published in self.bus.published]

    @property
    def published(self) -> list[Published]:
        """The finalizations as messages, for the neighbour's own reader: message id, routing key, body."""
        return list(self.bus.published)

    @property
    def handled(self) -> list[Handled]:
        """How each delivery ended, in order; one that came again is there again."""
        return list(self._traffic.handled)

    @property
    def waiting(self) -> list[Waiting]:
        """What waits in the retry queues, and until when; ``clock.advance`` lets it come."""
        return list(self.bus.waiting())

    @property
    def dead_letters(self) -> list[DeadLettered]:
        """What was set aside for a person, with its reason."""
        return list(self.bus.dead_letters)

    def balance(self, user_id: str) -> Money:
        """Give a user's balance; below 0 only after a reversal that may overdraw. Raises UnknownWallet."""
        wallet = finished(balance(self.store, _as_read(user_id)))
        if wallet is None:
            raise UnknownWallet(user_id, self._situation())
        return Money(wallet.balance_minor, self.policy.currency)

    def statement(
        self, user_id: str, *, limit: int = STATEMENT_ROWS_MAX, before_sequence: int | None = None
    ) -> Statement:
        """
        Give one page of a user's entries, newest first; ``before_sequence`` is the ``next_cursor`` of the page before.

        Raises UnknownWallet, and ValueError for a limit that is not 1 to 200.
        """
        page = finished(statement(self.store, StatementQuery(_as_read(user_id), limit, before_sequence)))
        if page is None:
            raise UnknownWallet(user_id, self._situation())
        return page

    def transaction(self, transaction_id: str) -> TransactionRecord:
        """Give what is recorded about a transaction: its state, why, its entries. Raises UnknownTransaction."""
        for record in self.store.transactions():
            if record.id == _as_read(transaction_id):
                return record
        raise UnknownTransaction(transaction_id, self._situation())

    def audit(self) -> list[Finding]:
        """Check the books as ``wallet audit`` does; an empty list says that every cent is accounted for."""
        findings, _ = self.store.audit()
        return findings

    # ----------------------------------------------------------------------------------------------- what is beneath

    @property
    def store(self) -> MemoryStore:
        """The books, for what there is no method for here."""
        return self._traffic.store

    @property
    def bus(self) -> MemoryBus:
        """The broker; while its ``is_away`` is set, answers wait in the outbox."""
        return self._traffic.bus

    async def _tell(self, event: Event, instant_name: str) -> TransactionFinalized | None:
        """Deliver an event; the documented vocabulary says when it happened, under this name."""
        if self._vocabulary is Vocabulary.DOCUMENTED:
            event = event.but(**{instant_name: iso_milliseconds(self.clock.now())})
        return await self.deliver(event.subject, event.message)

    def _major(self, amount: object) -> Decimal:
        """Give an amount as it stands in a message; one that breaks a rule is left to the wallet to refuse."""
        currency = self.policy.currency
        if isinstance(amount, Money) and amount.currency != currency:
            raise ValueError(f"{amount} is not in {currency.code}, the one currency of this service")
        amount_minor: object = amount.amount_minor if isinstance(amount, Money) else amount
        if isinstance(amount_minor, bool) or not isinstance(amount_minor, int):
            raise TypeError(
                f"{amount_minor!r} is neither Money nor an int of minor units: 1 {currency.code} is "
                f"{10**currency.exponent} of them, and Money.from_major reads a Decimal"
            )
        return major_units(amount_minor, currency)

    def _situation(self) -> str:
        counts = {
            "wallets": len(self.store.wallets()),
            "transactions": len(self.store.transactions()),
            "finalizations": len(self.bus.published),
            "waiting": len(self.bus.waiting()),
            "dead letters": len(self.bus.dead_letters),
        }
        if self._traffic.held is not None:
            counts["held back until 'await service.release()'"] = self._traffic.held
        return ", ".join(f"{count} {name}" for name, count in counts.items())


def _as_read(identifier: str) -> str:
    """Write an id as the books have it: 24 hex digits are in lower case there."""
    return usable_id(identifier) or identifier


def _id(identifier: str) -> str:
    """Give an id as it is, for a message; what the wallet would set aside is a mistake of the test."""
    if usable_id(identifier) is None:
        raise ValueError(f"{identifier!r} is no id: use 1 to 64 of the characters A-Z, a-z, 0-9, '_' and '-'")
    return identifier


def _body_of(message: object) -> bytes:
    if isinstance(message, bytes):
        return message
    if isinstance(message, Mapping):
        return event_body(message)
    raise TypeError(f"a message is a dict, or its JSON as bytes, not {type(message).__name__}: '.encode()' makes bytes")


def _subject_of(routing_key: str) -> Subject:
    try:
        return Subject(routing_key)
    except ValueError:
        read = ", ".join(repr(subject.value) for subject in Subject)
        raise ValueError(f"no queue of the wallet is bound to {routing_key!r}: it reads {read}") from None
