"""Strategies: facts that obey the table's vocabulary, events that obey nothing, and JSON texts of any shape."""

from __future__ import annotations

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
transaction_ids = st.sampled_from(IDS)
vocabularies = st.sampled_from(Vocabulary)
amounts_minor = st.sampled_from([1, 50, 100, 101, 10**15 - 100, 10**15]) | st.integers(1, 400)

signups = st.builds(SignedUp, user_ids)
topups = st.builds(Completed, transaction_ids, st.none(), user_ids, amounts_minor, vocabularies)
transfers = st.builds(Completed, transaction_ids, user_ids, user_ids, st.integers(1, 400), vocabularies)
failures = st.builds(Failed, transaction_ids)
facts: st.SearchStrategy[Fact] = signups | topups | transfers | failures
policies = st.builds(
    Policy, st.just(USD), opening_balance_minor=st.sampled_from([0, 250]), shortfall=st.sampled_from(Shortfall)
)


@st.composite
def fact_histories(draw: st.DrawFn) -> list[Fact]:
    """Draw the facts of a few transactions, with duplicates, in any order; most users have signed up before."""
    before = [SignedUp(user_id) for user_id in draw(st.sets(user_ids, min_size=2))]
    distinct = draw(st.lists(facts, min_size=1, max_size=14))
    again = draw(st.lists(st.sampled_from(distinct), max_size=6))
    return [*before, *draw(st.permutations([*distinct, *again]))]


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
def events(draw: st.DrawFn) -> Event:
    """Draw an event: a fact's, perhaps with a field of any value; a ``failed`` may carry a ``completed``'s fields."""
    event = draw(facts).event
    if event.subject is Subject.COMPLETED and draw(st.booleans()):
        event = failed_as(event)
    if draw(st.integers(0, 3)) == 0:
        event = event.but(**{draw(st.sampled_from(FIELDS)): draw(hostile_values)})
    return event


@st.composite
def event_histories(draw: st.DrawFn) -> list[Event]:
    """Draw events with duplicates in any order; some users have signed up before and have money."""
    rich = draw(st.sets(user_ids))
    before = [SignedUp(user_id).event for user_id in rich]
    before += [Completed(transaction_id(100 + USERS.index(id_)), None, id_, 300).event for id_ in rich]
    distinct = draw(st.lists(events(), min_size=1, max_size=14))
    again = draw(st.lists(st.sampled_from(distinct), max_size=6))
    return [*before, *draw(st.permutations([*distinct, *again]))]


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
