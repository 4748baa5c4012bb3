"""Total functions: whatever JSON value stands in whatever field, reading gives a request or sets the message aside."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from tests.scenario import ALICE, BOB, USD, Event, failed, signup, topup, transaction_id, transfer, transfer_v1
from wallet_core import Linked, OpenWallet, Refuse, Reverse, SetAside, Subject, request_of

ID = transaction_id(1)
GOOD = [signup(ALICE), topup(ID, ALICE, 1), transfer(ID, ALICE, BOB, 1), transfer_v1(ID, ALICE, BOB, 1), failed(ID)]
FIELDS = [
    "transactionId",
    "id",
    "userId",
    "senderId",
    "recipientId",
    "fromUserId",
    "toUserId",
    "type",
    "amount",
    "version",
    "description",
    "reason",
    "createdAt",
    "completedAt",
    "failedAt",
]


def nested(depth: int) -> object:
    """Give an array in an array, and so on."""
    value: object = []
    for _ in range(depth):
        value = [value]
    return value


HOSTILE = {
    "null": None,
    "true": True,
    "empty text": "",
    "NUL": "\x00",
    "lone surrogate": "\ud800",
    "long text": "x" * 60_000,
    "operator": {"$gt": ""},
    "object of objects": {"a": {"b": [{"c": None}]}},
    "deep array": nested(100_000),
    "deep object": {"a": nested(100_000)},
    "1e999999": Decimal("1e999999"),
    "-1e999999": Decimal("-1e999999"),
    "1e-999999": Decimal("1e-999999"),
    "NaN": Decimal("NaN"),
    "sNaN": Decimal("sNaN"),
    "infinity": Decimal("Infinity"),
    "an int of 5,001 digits": 10**5_000,
    "a Decimal of 5,000 digits": Decimal("7" * 5_000),
    "many decimals": Decimal("0." + "1" * 40),
    "list of everything": [None, True, 1, Decimal("0.1"), "x", [], {}],
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", FIELDS)
def test_any_value_in_any_field_is_read_or_set_aside(name: str, value: object) -> None:
    """No value of any field makes the reading of any message raise, or take long."""
    started_s = time.process_time()

    for event in GOOD:
        request = request_of(event.subject, event.but(**{name: value}).message, USD)

        assert isinstance(request, OpenWallet | Linked | Reverse | SetAside)
    assert time.process_time() - started_s < 1


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_amount_is_refused(value: object) -> None:
    """No hostile value is an amount: nothing is asked to move."""
    request = request_of(Subject.COMPLETED, topup(ID, ALICE, value).message, USD)

    assert isinstance(request, Linked)
    assert isinstance(request.objection, Refuse)
    assert ((), None) == (request.legs, request.amount_minor)
    assert len(request.objection.reason) <= 200


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", ["userId", "recipientId"])
def test_hostile_party_is_refused(name: str, value: object) -> None:
    """No hostile value is a user: nothing is asked to move."""
    request = request_of(Subject.COMPLETED, transfer(ID, ALICE, BOB, 1).but(**{name: value}).message, USD)

    assert isinstance(request, Linked)
    assert Refuse("Invalid recipient") == request.objection
    assert () == request.legs


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_detail_for_a_person_is_short(value: object) -> None:
    """What a person reads about a message that was set aside is short and printable, whatever the message held."""
    set_aside = request_of(Subject.COMPLETED, Event(Subject.COMPLETED, {"transactionId": value}).message, USD)

    assert isinstance(set_aside, SetAside)
    assert len(set_aside.detail) <= 300
    assert set_aside.detail.isprintable()
    set_aside.detail.encode("utf-8")
