"""Hypothesis strategies: money, commands, and whole histories of events, legal or adversarial.

::

    money      currencies, amounts_minor, money, written_amounts, not_amounts
    facts      user_ids, transaction_ids, vocabularies; signups, topups, transfers, failures, facts
    commands   commands: what the core is asked, as read from messages
    histories  legal_histories         each step succeeds
               adversarial_histories   duplicates, reorderings, unknown users, reused ids, failures that come first,
                                       overdrafts, amounts at the bounds; the model knows how each ends
               hostile_histories       the same as messages, some of which make no sense
               batches_of              any of them, cut into batches anywhere
    policies   what a deployment decides

A history is a list of facts (``facts.py``), which a ``StateTable`` takes as they are, or of events (``events.py``).
Needs hypothesis; nothing else in the package but ``wallet_machine`` does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from copy import deepcopy
from decimal import Decimal
from typing import TypeVar

from hypothesis import reject
from hypothesis import strategies as st

from wallet_core.commands import Request, SetAside
from wallet_core.events import Vocabulary
from wallet_core.messages import Subject, request_of
from wallet_core.money import AMOUNT_MINOR_MAX, EXPONENT_MAX, Currency, Money
from wallet_core.policy import Policy, Shortfall
from wallet_core.testing.events import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    FIELDS,
    HOSTILE_VALUES,
    USD,
    Event,
    failed_as,
    transaction_id,
)
from wallet_core.testing.facts import Completed, Fact, Failed, SignedUp
from wallet_core.testing.state_table import StateTable

T = TypeVar("T")

USERS = (ALICE, BOB, CAROL, DAVE)
"""Few users, so that they meet. Of ``FUNDED`` the last has not signed up."""

PAIRS = tuple(itertools.permutations(USERS[:3], 2))
"""Who sends to whom: of those who have signed up, each to each."""

IDS = tuple(map(transaction_id, range(1, 7)))
"""Few ids, so that they are used again."""

FUNDS_MINOR = 300
FUNDED: tuple[Fact, ...] = (
    *map(SignedUp, USERS[:3]),
    Completed(transaction_id(100), None, ALICE, FUNDS_MINOR),
    Completed(transaction_id(101), None, BOB, FUNDS_MINOR // 3),
)
"""Three of four users have signed up; what one has is soon spent by another, so that reversals fall due."""

CURRENCIES = (USD, Currency("JPY", 0), Currency("XXX", 1), Currency("KWD", 3), Currency("CLF", EXPONENT_MAX))
"""One of each number of decimals."""

NOT_NUMBERS: tuple[object, ...] = (None, True, "", "60", [], {"$gt": ""}, 1.5, Decimal("NaN"), Decimal("Infinity"))
EXTREME_NUMBERS = (Decimal("1e999999"), Decimal("1e-999999"), Decimal("-0.0"))
"""What is no number, and numbers that are no amount of any currency; some would take minutes to compute."""

_ANY_ID = st.sampled_from(IDS)
_DOLLARS = st.just(USD)

EFFECTIVE = frozenset({"opened", "applied", "reversed"})
"""How the steps of a legal history end."""


def currencies() -> st.SearchStrategy[Currency]:
    """Draw a currency, of any number of decimals from 0 to 4."""
    return st.sampled_from(CURRENCIES)


def amounts_minor() -> st.SearchStrategy[int]:
    """Draw a legal amount in minor units: what users of ``FUNDED`` have, a little more or less, and the bounds."""
    return st.sampled_from([100, 200, FUNDS_MINOR, FUNDS_MINOR, 400, 1, AMOUNT_MINOR_MAX - 100, AMOUNT_MINOR_MAX])


def money(currency: Currency = USD) -> st.SearchStrategy[Money]:
    """Draw any legal amount of a currency, the bounds among them."""
    return st.builds(Money, amounts_minor() | st.integers(1, AMOUNT_MINOR_MAX), st.just(currency))


@st.composite
def written_amounts(draw: st.DrawFn, amount: Money) -> Decimal | int:
    """Draw a way to write an amount in a message: 100, 100.0 and 1e2 mean the same."""
    major = amount.major
    zeros = (0,) * draw(st.integers(0, 20))
    longer = Decimal((0, major.as_tuple().digits + zeros, -amount.currency.exponent - len(zeros)))
    forms: list[Decimal | int] = [major, longer, Decimal(f"{major:e}")]
    if major == major.to_integral_value():
        forms.append(int(major))
    return draw(st.sampled_from(forms))


def not_amounts(currency: Currency = USD) -> st.SearchStrategy[object]:
    """Draw what is no amount of a currency: zero, less, too much, too precise (of another currency), or no number."""
    too_precise = st.integers(1, 10**18).map(lambda minor: Decimal(minor * 10 + 1).scaleb(-currency.exponent - 1))
    too_much = st.integers(AMOUNT_MINOR_MAX + 1, 10**20).map(lambda minor: Decimal(minor).scaleb(-currency.exponent))
    too_little = st.integers(-AMOUNT_MINOR_MAX, 0)
    return too_precise | too_much | too_little | st.sampled_from(NOT_NUMBERS) | st.sampled_from(EXTREME_NUMBERS)


def user_ids() -> st.SearchStrategy[str]:
    """Draw one of ``USERS``."""
    return st.sampled_from(USERS)


def transaction_ids() -> st.SearchStrategy[str]:
    """Draw one of ``IDS``."""
    return _ANY_ID


def vocabularies() -> st.SearchStrategy[Vocabulary]:
    """Draw the dialect of a message."""
    return st.sampled_from(Vocabulary)


def signups() -> st.SearchStrategy[SignedUp]:
    """Draw the signup of anybody."""
    return st.builds(SignedUp, user_ids())


def topups(ids: st.SearchStrategy[str] = _ANY_ID) -> st.SearchStrategy[Completed]:
    """Draw a top-up of anybody, under an id of ``ids``, or one of ``IDS``."""
    return st.builds(Completed, ids, st.none(), user_ids(), amounts_minor(), vocabularies())


def transfers(ids: st.SearchStrategy[str] = _ANY_ID) -> st.SearchStrategy[Completed]:
    """Draw a transfer between two of the first three users, or of one to itself, under an id of ``ids`` or ``IDS``."""
    rich_ids = st.sampled_from(USERS[:3])
    return st.builds(Completed, ids, rich_ids, rich_ids, amounts_minor(), vocabularies())


def failures(ids: st.SearchStrategy[str] = _ANY_ID) -> st.SearchStrategy[Failed]:
    """Draw the failure of a transaction that may be unknown, under an id of ``ids``, or one of ``IDS``."""
    return st.builds(Failed, ids)


def facts() -> st.SearchStrategy[Fact]:
    """Draw a fact of any kind, without regard to what came before."""
    return transfers() | failures() | topups() | signups()


def policies(of: st.SearchStrategy[Currency] = _DOLLARS) -> st.SearchStrategy[Policy]:
    """Draw what a deployment decides; its currency is dollars unless another strategy is given."""
    opening_minor = st.sampled_from([0, 0, 250])
    return st.builds(Policy, of, opening_balance_minor=opening_minor, shortfall=st.sampled_from(Shortfall))


@st.composite
def commands(draw: st.DrawFn, currency: Currency = USD) -> Request:
    """
    Draw what the core is asked, as it is read from the message of a fact; some carry an objection.

    For a mismatch, draw for another currency than that of the policy.
    """
    event = draw(distorted(draw(facts()), currency))
    request = request_of(event.subject, event.message, currency)
    if isinstance(request, SetAside):
        reject()  # a signup whose id was distorted
    return request


@st.composite
def legal_histories(draw: st.DrawFn, transactions_max: int = 8, opening_minor: int = 0) -> list[Fact]:
    """
    Draw a history each step of which succeeds: users sign up, have what they send, and can give back what fails.

    At most ``transactions_max`` events follow the signups. It holds for the default policy, or for one with this
    opening balance.
    """
    table = StateTable(opening_minor=opening_minor)
    history: list[Fact] = [SignedUp(user_id) for user_id in draw(st.lists(user_ids(), min_size=1, unique=True))]
    for fact in history:
        table.post(fact)
    for number in range(1, draw(st.integers(0, transactions_max)) + 1):
        fact = draw(_legal_step(table, transaction_id(number)))
        table.post(fact)
        history.append(fact)
    return history


@st.composite
def _legal_step(draw: st.DrawFn, table: StateTable, id_: str) -> Fact:
    """Draw a top-up, a transfer or a failure that succeeds now."""
    users = sorted(table.balances)
    reversible: list[Fact] = [Failed(known) for known in table.states if _succeeds(table, Failed(known))]
    if draw(_one_in(4)) and reversible:
        return draw(st.sampled_from(reversible))
    funded = [user_id for user_id in users if table.balances[user_id] > 0]
    sender_id = draw(st.none() | st.sampled_from(funded)) if funded and len(users) > 1 else None
    recipient_id = draw(st.sampled_from([user_id for user_id in users if user_id != sender_id]))
    most_minor = FUNDS_MINOR if sender_id is None else table.balances[sender_id]
    return Completed(id_, sender_id, recipient_id, draw(st.integers(1, most_minor)), draw(vocabularies()))


def _one_in(many: int) -> st.SearchStrategy[bool]:
    """Draw True once in so many times; a smaller example has False."""
    return st.integers(1, many).map(lambda drawn: drawn == many)


def _succeeds(table: StateTable, fact: Fact) -> bool:
    return deepcopy(table).post(fact) in EFFECTIVE


@st.composite
def _stories(draw: st.DrawFn, id_: str) -> list[Fact]:
    """Draw what is told about one transaction, in the order in which it is told."""
    sender_id, recipient_id = draw(st.sampled_from(PAIRS))
    transferred = Completed(id_, sender_id, recipient_id, draw(amounts_minor()), draw(vocabularies()))
    completed = draw(st.just(transferred) | st.just(transferred) | topups(st.just(id_)))
    told: dict[str, Fact] = {"C": completed, "F": Failed(id_)}
    return [told[letter] for letter in draw(st.sampled_from(["CF", "CF", "C", "CC", "FC", "CFC", "CFF", "CCF", "FCF"]))]


@st.composite
def _spent_stories(draw: st.DrawFn) -> list[Fact]:
    """Draw a top-up or a transfer that fails after its recipient has sent the money on: the reversal falls due."""
    sender_id, recipient_id, next_id = draw(st.permutations(USERS[:3]))
    topup = Completed(transaction_id(200), None, sender_id, FUNDS_MINOR)
    first = Completed(transaction_id(201), sender_id, recipient_id, FUNDS_MINOR)
    second = Completed(transaction_id(202), recipient_id, next_id, FUNDS_MINOR + draw(st.sampled_from([0, 0, -1, 100])))
    told: dict[str, Fact] = {"T": topup, "C": first, "c": second}
    told |= {"X": Failed(topup.id), "F": Failed(first.id), "f": Failed(second.id)}
    order = draw(st.sampled_from(["TCcF", "TCX", "TCcFC", "TCcFfF", "TCXFX", "TCcFXfFX", "TcCcFF"]))
    return [told[letter] for letter in order]


@st.composite
def adversarial_histories(draw: st.DrawFn) -> list[Fact]:
    """
    Draw the stories of a few transactions, interleaved in any way, with some facts of any kind among them.

    Most ids have one meaning and most users have money, so that what happens is not only the reuse of keys.
    """
    told = [draw(_stories(id_)) for id_ in draw(st.lists(transaction_ids(), min_size=1, max_size=5, unique=True))]
    told += [[fact] for fact in draw(st.lists(facts(), max_size=4))]
    told += draw(st.lists(_spent_stories(), min_size=0, max_size=1))
    turns = draw(st.permutations([number for number, story in enumerate(told) for _ in story]))
    before = draw(st.sampled_from([FUNDED, FUNDED, FUNDED, ()]))
    return [*before, *(told[number].pop(0) for number in turns)]


@st.composite
def distorted(draw: st.DrawFn, fact: Fact, currency: Currency = USD) -> Event:
    """Draw the event of a fact, perhaps with a field of any value; a ``failed`` may carry all of its ``completed``."""
    event = fact.event(currency)
    if event.subject is Subject.COMPLETED and draw(_one_in(8)):
        event = failed_as(event)
    if draw(_one_in(8)):
        value = draw(st.sampled_from(HOSTILE_VALUES))
        event = event.but(**{draw(st.sampled_from(FIELDS)): value})
    return event


@st.composite
def hostile_histories(draw: st.DrawFn, currency: Currency = USD) -> list[Event]:
    """Draw the events of an adversarial history, some of which make no sense."""
    return [draw(distorted(fact, currency)) for fact in draw(adversarial_histories())]


def batches_of(history: Sequence[T]) -> st.SearchStrategy[list[list[T]]]:
    """Cut a history into batches anywhere."""
    cuts = st.sets(st.integers(0, len(history)), max_size=5).map(sorted)
    return cuts.map(lambda ends: [list(history[a:b]) for a, b in zip([0, *ends], [*ends, len(history)], strict=True)])
