"""What the wallet writes, as we read it: its own examples, and what is none of it."""

from __future__ import annotations

import pytest

from tests.embedding.transactions_service.answer import Answer, UnreadableAnswer, read_answer


def test_an_answer_is_read() -> None:
    """Fields that we do not use are passed over, and more may be added."""
    body = b'{"transactionId": "t1", "status": "failed", "reason": "Insufficient balance", "revision": 2, "new": [1]}'

    assert Answer("t1", is_completed=False, reason="Insufficient balance", revision=2) == read_answer(body)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'{"transactionId": "t1", "status": "maybe"}', b"\xff"])
def test_what_is_no_answer_is_said_to_be_none(body: bytes) -> None:
    """A message that makes no sense is an error of its own, so that it is put aside and holds up nobody."""
    with pytest.raises(UnreadableAnswer):
        read_answer(body)
