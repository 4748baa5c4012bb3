"""What becomes of one transaction of v1's transactions service."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from bson import Code, Decimal128, Int64, ObjectId
from hypothesis import given
from hypothesis import strategies as st

from adapters.mongo.handles import Document
from adapters.mongo.v1_transaction import Decision, Later, Left, Settled, Undecided, decide
from tests.scenario import ALICE, BOB, USD
from wallet_core import (
    FinalStatus,
    Linked,
    Policy,
    Subject,
    TransactionKind,
    TransactionState,
    Vocabulary,
    request_of,
)

POLICY = Policy(USD)
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
CREATED = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
ID = ObjectId(f"{int(CREATED.timestamp()):08x}0000000000000001")

TOPUP: Document = {"_id": ID, "type": "TopUp", "userId": ObjectId(ALICE), "amount": 100, "status": "Completed"}
TRANSFER: Document = {
    "_id": ID,
    "type": "Transfer",
    "fromUserId": ObjectId(ALICE),
    "toUserId": ObjectId(BOB),
    "amount": 50,
    "status": "Completed",
}
DOCUMENTS = {
    "topup": TOPUP,
    "transfer": TRANSFER,
    "null fields": {**TRANSFER, "userId": None, "reason": None},
    "ids as text": {**TRANSFER, "fromUserId": ALICE.upper(), "toUserId": BOB},
    "a double that is whole": {**TOPUP, "amount": 100.0},
    "a double": {**TOPUP, "amount": 19.99},
    "64 bits": {**TOPUP, "amount": Int64(100)},
    "what v1 does not know": {**TRANSFER, "description": "gift", "__v": 3, "createdAt": NOW},
}
"""Transactions as v1 stores them; all of them can be read."""

UNREADABLE = {
    "a fraction of a cent": ({**TOPUP, "amount": 0.1 + 0.2}, "decimal places"),
    "text": ({**TOPUP, "amount": "100"}, "not a number"),
    "Decimal128": ({**TOPUP, "amount": Decimal128("100")}, "not a number"),
    "NaN": ({**TOPUP, "amount": math.nan}, "not a number"),
    "no amount": ({name: value for name, value in TOPUP.items() if name != "amount"}, "not a number"),
    "too much": ({**TOPUP, "amount": 1e300}, "more than"),
    "no recipient": ({**TRANSFER, "toUserId": None}, "Invalid recipient"),
    "another type": ({**TOPUP, "type": "Refund"}, "Unknown transaction type"),
    "to itself": ({**TRANSFER, "toUserId": ObjectId(ALICE)}, "same wallet"),
}


def decided(document: Document, stopped_at: datetime | None = None) -> Decision:
    """Decide in dollars, now."""
    return decide(document, POLICY, stopped_at, NOW)


def message_of(document: Document) -> dict[str, object]:
    """Write and read the ``completed`` that a service in JavaScript sends about a transaction."""
    fields = ("type", "userId", "fromUserId", "toUserId", "amount")
    sent = {name: document[name] for name in fields if document.get(name) is not None}
    body = json.dumps({"transactionId": document["_id"], **sent}, default=str)
    message: dict[str, object] = json.loads(body, parse_float=Decimal, parse_int=Decimal)
    return message


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_it_has_the_fingerprint_of_its_completed(document: Document) -> None:
    """The record knows the transaction's ``completed`` by everything that it says."""
    request = request_of(Subject.COMPLETED, message_of(document), USD)
    decision = decided(document)

    assert isinstance(request, Linked)
    assert isinstance(decision, Settled)
    record = decision.record
    facts = (record.kind, record.sender_id, record.recipient_id, record.amount_minor)
    assert (request.kind, request.sender_id, request.recipient_id, request.amount_minor) == facts
    assert (request.fingerprint, None) == (record.fingerprint, decision.unreadable)


def test_completed_is_applied_before_us() -> None:
    """It is recorded as applied, without a leg, with the answer that v1 gave."""
    decision = decided(TRANSFER)

    assert isinstance(decision, Settled)
    record, answer = decision.record, decision.record.answer
    assert (TransactionState.APPLIED, True, (), NOW) == (
        record.state,
        record.is_legacy,
        record.legs,
        record.recorded_at,
    )
    assert (TransactionKind.TRANSFER, ALICE, BOB, 5_000) == (
        record.kind,
        record.sender_id,
        record.recipient_id,
        record.amount_minor,
    )
    assert answer is not None
    assert (str(ID), 1, FinalStatus.COMPLETED, None, ALICE, Vocabulary.V1) == (
        answer.transaction_id,
        answer.revision,
        answer.status,
        answer.reason,
        answer.user_id,
        answer.vocabulary,
    )


@pytest.mark.parametrize(
    ("stored", "told"),
    [("Insufficient balance", "Insufficient balance"), ("x" * 300, "x" * 200), (None, "Transaction failed")],
    ids=["a reason", "a long one", "none"],
)
def test_failed_is_refused_before_us(stored: str | None, told: str) -> None:
    """It is recorded as refused with its reason, cut to the length of an answer; without one there is one."""
    decision = decided({**TOPUP, "status": "Failed", "reason": stored})

    assert isinstance(decision, Settled)
    record, answer = decision.record, decision.record.answer
    assert answer is not None
    assert (TransactionState.REFUSED, told, told, FinalStatus.FAILED) == (
        record.state,
        record.reason,
        answer.reason,
        answer.status,
    )


@pytest.mark.parametrize("status", ["Pending", "Processing", "completed", "Reversed", None, 7])
def test_what_is_not_final_is_undecided(status: object) -> None:
    """It is recorded without an answer, and a person is told what it is and since when."""
    decision = decided({**TRANSFER, "status": status})

    assert isinstance(decision, Undecided)
    assert (TransactionState.UNDECIDED, True, None) == (
        decision.record.state,
        decision.record.is_legacy,
        decision.record.answer,
    )
    assert decision.text.startswith("Transfer 50 ")
    assert decision.text.endswith("created 2026-11-22T14:00:00.000Z")
    assert "missing" in decision.text if status is None else str(status) in decision.text


def test_what_was_created_after_v1_had_stopped_is_ours() -> None:
    """Nothing is recorded of it; of what was created in that very second v1 may know, and what is final stays final."""
    pending = {**TRANSFER, "status": "Pending"}

    assert Later(str(ID)) == decided(pending, CREATED - timedelta(seconds=1))
    assert isinstance(decided(pending, CREATED), Undecided)
    assert isinstance(decided(TRANSFER, CREATED - timedelta(seconds=1)), Settled)


@pytest.mark.parametrize("status", ["Completed", "Failed", "Pending"])
@pytest.mark.parametrize(("document", "why"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_known_by_its_id(document: Document, why: str, status: str) -> None:
    """A transaction whose fields make no sense to us is recorded, without a fingerprint, and says why."""
    decision = decided({**document, "status": status})

    assert isinstance(decision, Settled | Undecided)
    assert decision.record.fingerprint is None
    if isinstance(decision, Settled):
        assert why in str(decision.unreadable)


@pytest.mark.parametrize("key", [None, 7, "order-1", str(ID), b"x"])
def test_what_has_no_object_id_is_left(key: object) -> None:
    """v1's services know no other ids, so somebody else has put it there."""
    assert isinstance(decided({**TOPUP, "_id": key}), Left)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(ObjectId),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["_id", "type", "userId", "fromUserId", "toUserId", "amount", "status", "reason"])


@given(st.dictionaries(NAMES, VALUES))
def test_whatever_is_stored_there_is_a_decision(document: Document) -> None:
    """No document can stop a migration."""
    assert isinstance(decided({"_id": ID, **document}), Settled | Undecided | Later | Left)


def test_a_text_of_its_own_kind_is_no_text() -> None:
    """JavaScript code, which the driver gives as a text that cannot be hashed, is neither a type nor a status."""
    odd_type, odd_status = decided({**TOPUP, "type": Code("TopUp")}), decided({**TOPUP, "status": Code("Completed")})

    assert isinstance(odd_type, Settled)
    assert "Unknown transaction type" == odd_type.unreadable
    assert isinstance(odd_status, Undecided)
