"""The fields of messages: ids, instants, and what people wrote; what cannot be read does no harm."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.reading import read, read_linked, read_reverse
from tests.scenario import ALICE, BOB, USD, failed, signup, topup, transaction_id, transfer
from wallet_core import (
    DeadLetterReason,
    OpenWallet,
    SetAside,
    Subject,
    request_of,
)

ID = transaction_id(1)
UNUSABLE_IDS = [
    "",
    " ",
    "a b",
    "a.b",
    "é",
    "x" * 65,
    ID + "\n",
    None,
    1,
    Decimal(1),
    True,
    [ID],
    {"$gt": ""},
    {},
    "a:b",
]


def test_what_people_wrote_is_kept() -> None:
    """The description and the instant of a documented message are kept, the instant in whole milliseconds of UTC."""
    event = topup(ID, ALICE, 1).but(description="Adding funds", completedAt="2025-01-15T12:00:05.123987+01:00")

    request = read_linked(event)

    assert request.description == "Adding funds"
    assert datetime(2025, 1, 15, 11, 0, 5, 123_000, tzinfo=UTC) == request.occurred_at


@pytest.mark.parametrize("value", [None, 1, True, [], {}, ""], ids=repr)
def test_description_that_is_no_text_is_none(value: object) -> None:
    """A description that is no text does not matter: the money moves without it."""
    request = read_linked(topup(ID, ALICE, 1).but(description=value))

    assert (None, None) == (request.description, request.objection)


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        True,
        {},
        "",
        "yesterday",
        "2025-01-15T11:00:05",
        "2025-13-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9" * 60,
    ],
    ids=repr,
)
def test_instant_that_cannot_be_read_is_none(value: object) -> None:
    """An instant that cannot be read, or has no offset, does not matter: no rule depends on it."""
    request = read_linked(topup(ID, ALICE, 1).but(completedAt=value))

    assert (None, None) == (request.occurred_at, request.objection)


def test_description_is_cut_to_five_hundred_characters() -> None:
    """An entry stays small: at most 500 characters of a description are kept."""
    request = read_linked(topup(ID, ALICE, 1).but(description="x" * 60_000))

    assert "x" * 500 == request.description


def test_reason_is_cut_to_two_hundred_characters() -> None:
    """A reason fits into an answer: at most 200 characters of it are kept."""
    request = read_reverse(failed(ID, "x" * 300))

    assert "x" * 200 == request.reason


@pytest.mark.parametrize("value", [None, 1, {}, []], ids=repr)
def test_reason_that_is_no_text_is_none(value: object) -> None:
    """A reason that is no text is as good as none."""
    assert read_reverse(failed(ID).but(reason=value)).reason is None


@pytest.mark.parametrize("value", UNUSABLE_IDS, ids=repr)
def test_transaction_without_a_usable_id_is_set_aside(value: object) -> None:
    """A transaction whose id is not 1 to 64 letters, digits, '_' and '-' cannot be judged, completed or failed."""
    completed, reverse = read(topup(ID, ALICE, 1).but(transactionId=value)), read(failed(ID).but(transactionId=value))

    for request in (completed, reverse):
        assert isinstance(request, SetAside)
        assert request.reason is DeadLetterReason.NO_USABLE_ID


@pytest.mark.parametrize("value", UNUSABLE_IDS, ids=repr)
@pytest.mark.parametrize("name", ["userId", "id"])
def test_signup_without_a_usable_id_is_set_aside(name: str, value: object) -> None:
    """A signup whose user id cannot be used is set aside, in both vocabularies."""
    request = request_of(Subject.SIGNUP, {name: value, "email": "john@example.com"}, USD)

    assert isinstance(request, SetAside)
    assert request.reason is DeadLetterReason.NO_USABLE_ID


def test_empty_message_is_set_aside() -> None:
    """A message without any field has no usable id, whatever its subject."""
    for subject in Subject:
        request = request_of(subject, {}, USD)

        assert isinstance(request, SetAside)
        assert request.reason is DeadLetterReason.NO_USABLE_ID


@pytest.mark.parametrize("id_", ["a", "x" * 64, "user-1_B", "0", "-", "507f1f77bcf86cd79943901", "g" * 24])
def test_other_usable_ids_are_taken_as_they_are(id_: str) -> None:
    """An id of 1 to 64 letters, digits, '_' and '-' is taken as it is."""
    request = read_linked(transfer(id_, id_, BOB, 1))

    assert (id_, id_, None) == (request.transaction_id, request.sender_id, request.objection)
    assert OpenWallet(id_) == read(signup(id_))


def test_hexadecimal_ids_are_lower_cased_when_read() -> None:
    """A 24-hex id is lower-cased before any check: of transactions, of both parties, of who signs up."""
    request = read_linked(transfer(ID.upper(), ALICE.upper(), BOB.upper(), 1))

    assert (ID, ALICE, BOB) == (request.transaction_id, request.sender_id, request.recipient_id)
    assert read_reverse(failed(ID.upper())).transaction_id == ID
    assert OpenWallet(ALICE) == read(signup(ALICE.upper()))


def test_ids_of_other_lengths_keep_their_case() -> None:
    """Only 24-hex ids are the same in upper and lower case."""
    for id_ in ("ABCDEF", f"{ID}F", "A" * 23, "A" * 48):
        request = read_linked(topup(id_, id_, 1))

        assert (id_, id_) == (request.transaction_id, request.recipient_id)
