"""Strategies: facts that obey the table's vocabulary, events that obey nothing, and JSON texts of any shape."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal

from hypothesis import strategies as st

from tests.property.state_table import Completed, Fact, Failed, SignedUp
from tests.scenario import ALICE, BOB, CAROL, USD, Event, failed_as, transaction_id
from wallet_core import Policy, Shortfall, Subject, Vocabulary

DAVE = "507f1f77bcf86cd799439022"
USERS = (ALICE, BOB, CAROL, DAVE)
IDS = tuple(map(transaction_id, range(1, 7)))

user_ids = st.sampled_from(USERS)
rich_ids = st.sampled_from(USERS[:3])
transaction_ids = st.sampled_from(IDS)
vocabularies = st.sampled_from(Vocabulary)
FUNDS_MINOR = 300
amounts_minor = st.sampled_from([100, 200, FUNDS_MINOR, FUNDS_MINOR, 400, 1, 10**15 - 100, 10**15])

signups = st.builds(SignedUp, user_ids)
topups = st.builds(Completed, transaction_ids, st.none(), user_ids, amounts_minor, vocabularies)


def topups_of(id_: str) -> st.SearchStrategy[Completed]:
    """Draw a top-up of anybody."""
    return st.builds(Completed, st.just(id_), st.none(), user_ids, amounts_minor, vocabularies)


transfers = st.builds(Completed, transaction_ids, rich_ids, rich_ids, amounts_minor, vocabularies)
failures = st.builds(Failed, transaction_ids)
facts: st.SearchStrategy[Fact] = transfers | failures | topups | signups
policies = st.builds(
    Policy, st.just(USD), opening_balance_minor=st.sampled_from([0, 0, 250]), shortfall=st.sampled_from(Shortfall)
)
PAIRS = tuple(itertools.permutations(USERS[:3], 2))
FUNDED: tuple[Fact, ...] = (
    *map(SignedUp, USERS[:3]),
    Completed(transaction_id(100), None, ALICE, FUNDS_MINOR),
    Completed(transaction_id(101), None, BOB, FUNDS_MINOR // 3),
)
"""Three of four users have signed up; what one has is soon spent by another, so that reversals fall due."""


@st.composite
def transfers_among(draw: st.DrawFn, id_: str) -> Completed:
    """Draw a transfer between two of those who have money."""
    sender_id, recipient_id = draw(st.sampled_from(PAIRS))
    return Completed(id_, sender_id, recipient_id, draw(amounts_minor), draw(vocabularies))


@st.composite
def stories(draw: st.DrawFn, id_: str) -> list[Fact]:
    """Draw what is told about one transaction, in the order in which it is told."""
    completed = draw(transfers_among(id_) | transfers_among(id_) | topups_of(id_))
    told: dict[str, Fact] = {"C": completed, "F": Failed(id_)}
    return [told[letter] for letter in draw(st.sampled_from(["CF", "CF", "C", "CC", "FC", "CFC", "CFF", "CCF", "FCF"]))]


@st.composite
def spent_stories(draw: st.DrawFn) -> list[Fact]:
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
def fact_histories(draw: st.DrawFn) -> list[Fact]:
    """
    Draw the stories of a few transactions, interleaved in any way, with some facts of any kind among them.

    Most ids have one meaning and most users have money, so that what happens is not only the reuse of keys.
    """
    told = [draw(stories(id_)) for id_ in draw(st.lists(transaction_ids, min_size=1, max_size=5, unique=True))]
    told += [[fact] for fact in draw(st.lists(facts, max_size=4))] + draw(
        st.lists(spent_stories(), min_size=0, max_size=1)
    )
    turns = draw(st.permutations([number for number, story in enumerate(told) for _ in story]))
    before = draw(st.sampled_from([FUNDED, FUNDED, FUNDED, ()]))
    return [*before, *(told[number].pop(0) for number in turns)]


hostile_values: st.SearchStrategy[object] = st.sampled_from(
    [
        None,
        True,
        "",
        "60",
        -1,
        0,
        3,
        Decimal("0.001"),
        Decimal("1e999999"),
        10**15,
        [],
        {"$gt": ""},
        "2.0",
        "1.0",
        ALICE,
    ]
)
FIELDS = ("type", "userId", "senderId", "recipientId", "fromUserId", "toUserId", "amount", "version", "reason")


@st.composite
def distorted(draw: st.DrawFn, fact: Fact) -> Event:
    """Draw the event of a fact, perhaps with a field of any value; a ``failed`` may carry all of its ``completed``."""
    event = fact.event
    if event.subject is Subject.COMPLETED and draw(st.integers(0, 7)) == 7:
        event = failed_as(event)
    if draw(st.integers(0, 7)) == 7:
        event = event.but(**{draw(st.sampled_from(FIELDS)): draw(hostile_values)})
    return event


@st.composite
def event_histories(draw: st.DrawFn) -> list[Event]:
    """Draw events in any order, with duplicates; some of them make no sense."""
    return [draw(distorted(fact)) for fact in draw(fact_histories())]


def batches_of(history: list[Event]) -> st.SearchStrategy[list[list[Event]]]:
    """Cut a history into batches anywhere."""
    cuts = st.sets(st.integers(0, len(history)), max_size=5).map(sorted)
    return cuts.map(lambda ends: [history[a:b] for a, b in zip([0, *ends], [*ends, len(history)], strict=True)])


numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,7})?", fullmatch=True)
names = st.sampled_from(("transactionId", "id", "description", "completedAt", "failedAt", "createdAt", *FIELDS))
texts = st.text(max_size=30) | st.sampled_from(
    ["topup", "transfer", "TopUp", "Transfer", *USERS, *IDS, "1.0", "\ud800"]
)


def _array(items: list[str]) -> str:
    return "[" + ",".join(items) + "]"


def _object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"


json_values = st.recursive(
    numbers | texts.map(json.dumps) | st.sampled_from(["null", "true", "false", "1e999999", "-0", "0.1", "100"]),
    lambda values: (
        st.lists(values, max_size=4).map(_array) | st.dictionaries(names | texts, values, max_size=6).map(_object)
    ),
    max_leaves=12,
)
json_messages = st.dictionaries(names | texts, json_values, max_size=12).map(_object)
