"""The fingerprint of a ``completed``: its meaning and nothing else."""

from __future__ import annotations

import itertools
from decimal import Decimal
from hashlib import sha256

import pytest

from tests.scenario import (
    ALICE,
    BOB,
    CAROL,
    USD,
    Event,
    sample,
    topup,
    topup_v1,
    transaction_id,
    transfer,
    transfer_v1,
)
from wallet_core import Currency, Linked, Subject, request_of

ID = transaction_id(1)


def fingerprint(event: Event, currency: Currency = USD) -> str:
    """Read an event and give its fingerprint."""
    request = request_of(event.subject, event.message, currency)
    assert isinstance(request, Linked)
    return request.fingerprint


def test_same_in_both_vocabularies() -> None:
    """One meaning has one fingerprint, in whatever vocabulary it is told."""
    assert fingerprint(topup(ID, ALICE, 5)) == fingerprint(topup_v1(ID, ALICE, 5))
    assert fingerprint(transfer(ID, ALICE, BOB, 5)) == fingerprint(transfer_v1(ID, ALICE, BOB, 5))


@pytest.mark.parametrize("kind", ["topup", "transfer"])
def test_same_for_both_samples(kind: str) -> None:
    """The contract's samples of one transaction have one fingerprint."""
    documented, v1 = (
        fingerprint(Event(Subject.COMPLETED, sample(f"transaction.completed.{kind}.{vocabulary}")))
        for vocabulary in ("documented", "v1")
    )

    assert documented == v1


def test_same_for_every_spelling_of_a_number() -> None:
    """100, 100.0, 100.00 and 1e2 are one amount."""
    spellings = [100, Decimal(100), Decimal("100.0"), Decimal("100.00"), Decimal("1e2"), Decimal("0.1E+3")]

    assert len({fingerprint(topup(ID, ALICE, spelling)) for spelling in spellings}) == 1


def test_same_for_every_spelling_of_an_id() -> None:
    """A 24-hex id in upper case is the same user."""
    assert fingerprint(transfer(ID, ALICE, BOB, 5)) == fingerprint(transfer(ID, ALICE.upper(), BOB.upper(), 5))


def test_same_whatever_people_wrote() -> None:
    """Description, instants, versions and unknown fields are no part of the meaning."""
    event = topup(ID, ALICE, 5)

    chatty = event.but(description="x", completedAt="2025-01-15T11:00:05Z", version="1.0", unknown={"a": [1]})

    assert fingerprint(event) == fingerprint(chatty)


def test_same_for_both_names_of_the_sender() -> None:
    """A sender called ``senderId`` is the sender called ``userId``."""
    event = transfer(ID, ALICE, BOB, 5)

    assert fingerprint(event) == fingerprint(event.without("userId").but(senderId=ALICE))


DIFFERENT = {
    "a top-up": topup(ID, ALICE, 5),
    "another amount": topup(ID, ALICE, Decimal("5.01")),
    "another user": topup(ID, BOB, 5),
    "a transfer": transfer(ID, ALICE, BOB, 5),
    "the way back": transfer(ID, BOB, ALICE, 5),
    "another sender": transfer(ID, CAROL, BOB, 5),
    "another recipient": transfer(ID, ALICE, CAROL, 5),
    "no recipient": transfer(ID, ALICE, BOB, 5).without("recipientId"),
    "an empty recipient": transfer(ID, ALICE, BOB, 5).but(recipientId=""),
    "an unusable recipient": transfer(ID, ALICE, BOB, 5).but(recipientId="a b"),
    "another unusable recipient": transfer(ID, ALICE, BOB, 5).but(recipientId="a c"),
    "no sender": transfer(ID, ALICE, BOB, 5).without("userId"),
    "an unusable sender": transfer(ID, ALICE, BOB, 5).but(userId={"$gt": ""}),
    "an unknown type": transfer(ID, ALICE, BOB, 5).but(type="refund"),
    "another unknown type": transfer(ID, ALICE, BOB, 5).but(type="gift"),
    "no type": transfer(ID, ALICE, BOB, 5).without("type"),
    "no amount": transfer(ID, ALICE, BOB, 5).without("amount"),
    "zero": transfer(ID, ALICE, BOB, 0),
    "negative": transfer(ID, ALICE, BOB, -5),
    "text": transfer(ID, ALICE, BOB, "5"),
    "true": transfer(ID, ALICE, BOB, amount=True),
    "a list": transfer(ID, ALICE, BOB, [5]),
    "three decimals": transfer(ID, ALICE, BOB, Decimal("5.001")),
    "other three decimals": transfer(ID, ALICE, BOB, Decimal("5.002")),
    "too large": transfer(ID, ALICE, BOB, Decimal("1e40")),
    "larger": transfer(ID, ALICE, BOB, Decimal("1e41")),
}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(DIFFERENT, 2)))
def test_different_meanings_have_different_fingerprints(one: str, other: str) -> None:
    """Another kind, party or amount, readable or not, is another fingerprint."""
    assert fingerprint(DIFFERENT[one]) != fingerprint(DIFFERENT[other])


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Decimal("0.001"), "0.001"),
        (Decimal(-5), "-5"),
        (Decimal("1E+400"), "1E+400"),
        (True, "true"),
        (Decimal(0), "0"),
    ],
    ids=repr,
)
def test_unreadable_number_is_not_its_text(number: object, text: str) -> None:
    """A field that cannot be read enters as its raw token: a refused number and the same in quotes are two tokens."""
    assert fingerprint(topup(ID, ALICE, number)) != fingerprint(topup(ID, ALICE, text))


def test_unreadable_token_is_not_a_readable_value() -> None:
    """No raw token can be made to look like a value that was read."""
    readable = fingerprint(topup(ID, ALICE, 5))

    assert readable != fingerprint(topup(ID, ALICE, "500"))
    assert readable != fingerprint(topup(ID, ALICE, {"raw": "500"}))


def test_another_currency_is_another_meaning() -> None:
    """The same number in another currency is another transaction."""
    assert fingerprint(topup(ID, ALICE, 5)) != fingerprint(topup(ID, ALICE, 5), Currency("EUR", 2))


def test_known_fingerprint_is_kept_for_ever() -> None:
    """The way a fingerprint is computed is fixed: recorded ones must be found again after an update."""
    meaning = f'["1","transfer","{ALICE}","{BOB}","USD",500]'

    assert sha256(meaning.encode()).hexdigest() == fingerprint(transfer(ID, ALICE, BOB, 5))
    assert "a1a2d80c9a30e8aa919b0023be39e42bda1d2eda177f3ea7ad1aebb17777a822" == fingerprint(
        transfer(ID, ALICE, BOB, 5)
    )
