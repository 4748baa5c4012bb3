"""In which vocabulary a message is written: told by its field names, then by the spelling of its type, else v1."""

from __future__ import annotations

import pytest

from tests.scenario import ALICE, BOB, USD, Message, transaction_id
from wallet_core import Linked, Policy, Reverse, Subject, Vocabulary, Wire, request_of

DOCUMENTED, V1 = Vocabulary.DOCUMENTED, Vocabulary.V1
ID = transaction_id(1)

COMPLETED: list[tuple[Message, Vocabulary]] = [
    # told by the field names, whatever the type says
    ({"fromUserId": ALICE, "toUserId": BOB, "type": "Transfer"}, V1),
    ({"fromUserId": ALICE, "toUserId": BOB, "type": "transfer"}, V1),
    ({"fromUserId": ALICE, "toUserId": BOB, "type": "nonsense"}, V1),
    ({"fromUserId": ALICE, "toUserId": BOB}, V1),
    ({"fromUserId": ALICE, "type": "transfer"}, V1),
    ({"toUserId": BOB, "type": "transfer"}, V1),
    ({"userId": ALICE, "recipientId": BOB, "type": "transfer"}, DOCUMENTED),
    ({"userId": ALICE, "recipientId": BOB, "type": "Transfer"}, DOCUMENTED),
    ({"userId": ALICE, "recipientId": BOB, "type": "nonsense"}, DOCUMENTED),
    ({"senderId": ALICE, "recipientId": BOB}, DOCUMENTED),
    ({"userId": ALICE, "type": "TopUp", "completedAt": "2025-01-15T11:00:05Z"}, DOCUMENTED),
    ({"userId": ALICE, "type": "TopUp", "description": "Adding funds"}, DOCUMENTED),
    ({"userId": ALICE, "type": "TopUp", "version": "1.0"}, DOCUMENTED),
    # told by the spelling of the type, where the names are the same in both
    ({"userId": ALICE, "type": "topup"}, DOCUMENTED),
    ({"userId": ALICE, "type": "TopUp"}, V1),
    ({"userId": ALICE, "type": "transfer"}, DOCUMENTED),
    ({"userId": ALICE, "type": "Transfer"}, V1),
    # names of both: the spelling of the type tells
    ({"fromUserId": ALICE, "toUserId": BOB, "description": "x", "type": "Transfer"}, V1),
    # cannot be told
    ({"userId": ALICE, "type": "nonsense"}, V1),
    ({"userId": ALICE, "type": None}, V1),
    ({"userId": ALICE}, V1),
    ({}, V1),
]

FAILED: list[tuple[Message, Vocabulary]] = [
    ({"type": "Transfer", "reason": "x"}, V1),
    ({"type": "TopUp"}, V1),
    ({"type": "topup", "userId": ALICE, "amount": 1}, DOCUMENTED),
    ({"type": "transfer", "userId": ALICE, "recipientId": BOB, "amount": 1, "failedAt": "x"}, DOCUMENTED),
    ({"failedAt": "2025-01-15T11:15:03Z"}, DOCUMENTED),
    ({}, V1),
]


@pytest.mark.parametrize(("fields", "vocabulary"), COMPLETED, ids=repr)
def test_vocabulary_of_a_completed(fields: Message, vocabulary: Vocabulary) -> None:
    """The vocabulary of a ``completed`` is told by names, then by spelling; what cannot be told is v1."""
    request = request_of(Subject.COMPLETED, {"transactionId": ID, "amount": 1, **fields}, USD)

    assert isinstance(request, Linked)
    assert vocabulary is request.vocabulary


@pytest.mark.parametrize(("fields", "vocabulary"), FAILED, ids=repr)
def test_vocabulary_of_a_failed(fields: Message, vocabulary: Vocabulary) -> None:
    """The vocabulary of a ``failed`` is told in the same way."""
    request = request_of(Subject.FAILED, {"transactionId": ID, **fields}, USD)

    assert isinstance(request, Reverse)
    assert vocabulary is request.vocabulary


@pytest.mark.parametrize(
    ("wire", "asked", "answered"),
    [
        (Wire.AUTO, DOCUMENTED, DOCUMENTED),
        (Wire.AUTO, V1, V1),
        (Wire.DOCUMENTED, V1, DOCUMENTED),
        (Wire.DOCUMENTED, DOCUMENTED, DOCUMENTED),
        (Wire.V1, DOCUMENTED, V1),
        (Wire.V1, V1, V1),
    ],
)
def test_wire_decides_the_vocabulary_of_the_answer(wire: Wire, asked: Vocabulary, answered: Vocabulary) -> None:
    """An answer is in the vocabulary of its question, unless the deployment forces one."""
    assert answered is Policy(USD, wire=wire).answer_vocabulary(asked)


def test_wire_is_automatic_by_default() -> None:
    """Nothing is forced unless the deployment says so."""
    assert Policy(USD).wire is Wire.AUTO
