"""A random sequence of operations, the same for the same seed: what a store may meet in years, in minutes.

Posts of one and of many requests, repeated, reordered and reused ones among them, failures before and after, overdrafts
and amounts at the bounds, messages that make no sense, another currency; batches that roll back or lose a race; writes
that must be refused; balances and pages; what a relay does. A model of the books steers it, so that money does move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from wallet_core.commands import Linked, Request, SetAside
from wallet_core.events import Vocabulary
from wallet_core.ledger import EntryKind
from wallet_core.messages import Subject, request_of
from wallet_core.money import AMOUNT_MINOR_MAX, Currency
from wallet_core.policy import Policy, Shortfall
from wallet_core.ports import StatementQuery
from wallet_core.testing.conformance.operations import (
    AskForLease,
    Batch,
    LoseRace,
    Operation,
    Post,
    PutBack,
    ReadPage,
    ReadWallet,
    RollBack,
    TakeAnswers,
    WriteWrongly,
    Wrong,
)
from wallet_core.testing.conformance.store import NOON
from wallet_core.testing.events import FIELDS, HOSTILE_VALUES, USD, Event, failed_as, transaction_id
from wallet_core.testing.facts import Completed, Fact, Failed, SignedUp
from wallet_core.testing.state_table import StateTable

USERS = (*(f"507f1f77bcf86cd7994390{number:02d}" for number in range(10, 20)), "carol_3", "dave-4")
"""Ids of both forms."""

STRANGER = "507f1f77bcf86cd799439099"
SUSPENDED = "507f1f77bcf86cd799439098"
"""Who never signs up; who has a wallet that waits for a person."""

OTHER_CURRENCY = Policy(Currency("KWD", 3))
OPENING_MINOR = 250

BATCH_SIZES = (1, 1, 1, 2, 4, 8, 20, 40)
RECENT = 300
"""How far back a fact is repeated, a transaction failed, or an id reused."""

AMOUNTS_MINOR = (1, 5, 30, 100, 2_500, 10_000, 10_000)


class RandomOperations:
    """
    Draws operations; ``user_ids`` and ``transaction_ids`` are those of all that it has drawn.

    Whether a reversal may overdraw, and what a wallet begins with, is in the seed.
    """

    def __init__(self, seed: int) -> None:
        """Start with nothing."""
        self.random: Random = Random(seed)  # noqa: S311 - it must be foreseeable
        shortfall = self.random.choice(list(Shortfall))
        self.policy: Policy = Policy(USD, self.random.choice((0, OPENING_MINOR)), shortfall)
        self.user_ids: tuple[str, ...] = (*USERS, STRANGER, SUSPENDED)
        self.transaction_ids: list[str] = []
        self._table = StateTable(shortfall is Shortfall.OVERDRAW, self.policy.opening_balance_minor)
        self._facts: list[Fact] = []
        self._now = NOON
        self._instants = [NOON]

    def draw(self, operations: int) -> Iterator[Operation]:
        """Draw operations that count as at least so many."""
        kinds: Sequence[tuple[Callable[[], Operation], int]] = (
            (self._post, 34),
            (self._read_wallet, 16),
            (self._read_page, 20),
            (self._take_answers, 12),
            (self._write_wrongly, 6),
            (self._lose_race, 3),
            (self._roll_back, 3),
            (self._put_back, 2),
            (self._ask_for_lease, 3),
            (self._post_other_currency, 1),
        )
        left = operations
        while left > 0:
            (draw,) = self.random.choices([draw for draw, _ in kinds], [weight for _, weight in kinds])
            operation = draw()
            self._now += timedelta(milliseconds=self.random.randrange(-5_000, 30_000))
            left -= operation.weight
            yield operation

    # -------------------------------------------------------------------------------------------------------- batches

    def _post(self) -> Operation:
        return Post(self._told())

    def _lose_race(self) -> Operation:
        batch = self._told()
        rivals = self.random.sample(batch.requests, self.random.randint(1, len(batch.requests)))
        return LoseRace(batch, replace(batch, requests=tuple(rivals)))

    def _roll_back(self) -> Operation:
        return RollBack(self._batch([self._fact() for _ in range(self.random.choice(BATCH_SIZES))]))

    def _post_other_currency(self) -> Operation:
        topup = Completed(self._new_id(), None, self._user(), 1_000)
        return Post(Batch((self._read(topup.event(OTHER_CURRENCY.currency)),), self._now, OTHER_CURRENCY))

    def _told(self) -> Batch:
        """Draw a batch, and tell the model of it."""
        facts = [self._fact() for _ in range(self.random.choice(BATCH_SIZES))]
        self._facts += facts
        self._instants.append(self._now)
        for fact in sorted(facts, key=lambda fact: not isinstance(fact, SignedUp)):
            self._table.post(fact)
        return self._batch(facts)

    def _batch(self, facts: Sequence[Fact]) -> Batch:
        return Batch(tuple(self._request(fact) for fact in facts), self._now, self.policy)

    # ---------------------------------------------------------------------------------------------------------- facts

    def _fact(self) -> Fact:
        kinds: Sequence[Callable[[], Fact]] = (self._repeated, self._failed, self._signed_up, self._completed)
        (draw,) = self.random.choices(kinds, (20, 14, 6, 60))
        return draw()

    def _repeated(self) -> Fact:
        return self.random.choice(self._facts[-RECENT:]) if self._facts else self._signed_up()

    def _failed(self) -> Fact:
        return Failed(self._known_id() if self.random.randrange(4) else self._new_id())

    def _signed_up(self) -> Fact:
        return SignedUp(self.random.choice((*USERS, SUSPENDED)))

    def _completed(self) -> Fact:
        id_ = self._new_id() if self.random.randrange(12) else self._known_id()
        vocabulary = self.random.choice(list(Vocabulary)) if id_.isalnum() else Vocabulary.DOCUMENTED
        sender_id = self._user() if self.random.randrange(3) else None
        return Completed(id_, sender_id, self._user(), self._amount_minor(sender_id), vocabulary)

    def _amount_minor(self, sender_id: str | None) -> int:
        """Draw an amount: ordinary, all that the sender has, a cent more, or at the bounds."""
        has_minor = self._table.balances.get(sender_id or "", 0)
        ordinary = self.random.choice(AMOUNTS_MINOR)
        extreme = self.random.choice((AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX - 1, 1))
        amounts = (ordinary, has_minor, has_minor + 1, extreme)
        (amount_minor,) = self.random.choices(amounts, (70, 16, 6, 1))
        return min(max(1, amount_minor), AMOUNT_MINOR_MAX)

    def _user(self) -> str:
        return self.random.choice(self.user_ids if self.random.randrange(20) == 0 else USERS)

    def _new_id(self) -> str:
        number = len(self.transaction_ids)
        self.transaction_ids.append(transaction_id(number) if self.random.randrange(10) else f"free-id_{number}")
        return self.transaction_ids[-1]

    def _known_id(self) -> str:
        return self.random.choice(self.transaction_ids[-RECENT:]) if self.transaction_ids else self._new_id()

    # ------------------------------------------------------------------------------------------------------- requests

    def _request(self, fact: Fact) -> Request:
        """Read the message of a fact, which may make no sense; a signup always does."""
        event = fact.event()
        if event.subject is not Subject.SIGNUP:
            event = self._decorated(event)
        request = self._read(event)
        if isinstance(request, Linked):
            request = request._replace(wait_is_over=self.random.randrange(10) == 0)
            if request.legs and self.random.randrange(20) == 0:
                first = replace(request.legs[0], expected_version=self.random.randrange(40))
                request = request._replace(legs=(first, *request.legs[1:]))
        return request

    def _read(self, event: Event) -> Request:
        request = request_of(event.subject, event.message, self.policy.currency)
        if isinstance(request, SetAside):
            raise TypeError(f"{event} has no usable id: {request.detail}")
        return request

    def _decorated(self, event: Event) -> Event:
        """Add what is for people; once in a while put any value into any field."""
        if event.subject is Subject.COMPLETED and self.random.randrange(30) == 0:
            event = failed_as(event)
        if self.random.randrange(4) == 0:
            event = event.but(description=f"Tür \N{SNOWMAN} {self.random.random()}", reason="because")
            event = event.but(completedAt=_iso(self._now), failedAt=_iso(self._now))
        if self.random.randrange(15) == 0:
            event = event.but(**{self.random.choice(FIELDS): self.random.choice(HOSTILE_VALUES)})
        return event

    # ---------------------------------------------------------------------------------------------- reads, and a relay

    def _read_wallet(self) -> Operation:
        return ReadWallet(self._user())

    def _read_page(self) -> Operation:
        pick = self.random.choice
        since, until = (pick((None, None, pick(self._instants))) for _ in range(2))
        before_sequence = pick((None, self.random.randrange(1, 200)))
        kind = pick((None, None, *EntryKind))
        return ReadPage(StatementQuery(self._user(), pick((1, 5, 20)), before_sequence, kind, since, until))

    def _take_answers(self) -> Operation:
        """Take more rows than are made, so that few wait; most are settled as a whole."""
        return TakeAnswers(self.random.choice((1, 4, 40)), self.random.choice((1, 2, 3, *[BATCH_SIZES[-1] + 1] * 6)))

    def _put_back(self) -> Operation:
        known = self.transaction_ids[-RECENT:]
        return PutBack(tuple(self.random.sample(known, min(len(known), self.random.randrange(4)))))

    def _ask_for_lease(self) -> Operation:
        return AskForLease(self.random.choice(("relay-1", "relay-2")), self.random.randrange(3) == 0)

    def _write_wrongly(self) -> Operation:
        return WriteWrongly(self.random.choice(list(Wrong)), self._user(), self._known_id())


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")
