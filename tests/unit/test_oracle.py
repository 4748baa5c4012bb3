"""The oracle of answers: it reads what its service would read, and goes red on the rest."""

from __future__ import annotations

import json

import pytest

from tests.oracle import DocumentedReader, ReadAnswer, UnreadableAnswer, V1Reader
from tests.scenario import SAMPLES

V1_ANSWER = {"transactionId": "507f1f77bcf86cd799439014", "status": "Failed", "reason": "Insufficient balance"}
DOCUMENTED_ANSWER = {
    "transactionId": "507f1f77bcf86cd799439013",
    "status": "completed",
    "userId": "507f1f77bcf86cd799439011",
    "success": True,
    "finalizedAt": "2025-01-15T11:00:06.000Z",
    "revision": 1,
}


def test_v1_reader_reads_the_sample() -> None:
    """The v1 reader understands the contract's v1 sample."""
    body = (SAMPLES / "wallet.transactionFinalized.failed.v1.json").read_bytes()

    answer = V1Reader().read(body)

    assert ReadAnswer("507f1f77bcf86cd799439014", is_completed=False, reason="Insufficient balance") == answer


def test_documented_reader_reads_the_sample() -> None:
    """The documented reader understands the contract's documented sample."""
    body = (SAMPLES / "wallet.transactionFinalized.documented.json").read_bytes()

    answer = DocumentedReader().read(body)

    assert ReadAnswer("507f1f77bcf86cd799439013", is_completed=True, reason=None) == answer


def test_v1_reader_keeps_the_last_answer_of_an_id() -> None:
    """Of several answers about one transaction v1 believes the last one, whatever the case of the id."""
    reader = V1Reader()

    reader.read(json.dumps({**V1_ANSWER, "status": "Completed"}).encode())
    reader.read(json.dumps({**V1_ANSWER, "transactionId": V1_ANSWER["transactionId"].upper()}).encode())

    assert (2, {V1_ANSWER["transactionId"]}) == (reader.seen, set(reader.last))
    assert reader.last[V1_ANSWER["transactionId"]].is_completed is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "failed"},
        {"status": "FAILED"},
        {"status": None},
        {"reason": None},
        {"reason": 1},
        {"transactionId": "507f1f77bcf86cd79943901"},
        {"transactionId": "507f1f77bcf86cd79943901g"},
        {"transactionId": None},
    ],
)
def test_v1_reader_rejects(wrong: dict[str, object]) -> None:
    """V1 cannot read another spelling of the status, a null reason, or an id that is no ObjectId."""
    body = json.dumps({**V1_ANSWER, **wrong}).encode()

    with pytest.raises(UnreadableAnswer):
        V1Reader().read(body)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "Completed"},
        {"success": False},
        {"reason": "there is none for a completed one"},
        {"reason": None},
        {"userId": None},
        {"finalizedAt": "2025-01-15T11:00:06Z"},
        {"finalizedAt": "2025-01-15T11:00:06.000+00:00"},
        {"revision": True},
        {"amount": 1},
    ],
)
def test_documented_reader_rejects(wrong: dict[str, object]) -> None:
    """The documented reader takes no other shape than the documents' union."""
    body = json.dumps({**DOCUMENTED_ANSWER, **wrong}).encode()

    with pytest.raises(UnreadableAnswer):
        DocumentedReader().read(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff", b'{"transactionId": NaN}'])
def test_readers_reject_what_is_no_json_object(body: bytes) -> None:
    """Bytes that are no JSON object in UTF-8 are unreadable for both."""
    with pytest.raises(UnreadableAnswer):
        V1Reader().read(body)
    with pytest.raises(UnreadableAnswer):
        DocumentedReader().read(body)


@pytest.mark.parametrize("name", ["transactionId", "status", "success", "finalizedAt"])
def test_documented_reader_misses_what_is_absent(name: str) -> None:
    """The documented reader needs every field of the documents that is not optional."""
    body = json.dumps({key: value for key, value in DOCUMENTED_ANSWER.items() if key != name}).encode()

    with pytest.raises(UnreadableAnswer, match="missing"):
        DocumentedReader().read(body)
