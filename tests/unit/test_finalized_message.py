"""Writing answers: exact keys, order, spelling; absent keys, never null; stable message ids."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid5

import pytest

from tests.oracle import DocumentedReader, V1Reader
from tests.scenario import ALICE, BOB, SAMPLES, Scenario, failed, topup, topup_v1, transaction_id, transfer_v1
from wallet_core import FinalStatus, TransactionFinalized, Vocabulary, finalized_message, message_id_of
from wallet_core.messages import MESSAGE_ID_NAMESPACE

COMPLETED = TransactionFinalized(
    transaction_id="507f1f77bcf86cd799439013",
    revision=1,
    status=FinalStatus.COMPLETED,
    reason=None,
    user_id=ALICE,
    vocabulary=Vocabulary.DOCUMENTED,
    finalized_at=datetime(2025, 1, 15, 11, 0, 6, tzinfo=UTC),
)
FAILED_V1 = TransactionFinalized(
    transaction_id="507f1f77bcf86cd799439014",
    revision=1,
    status=FinalStatus.FAILED,
    reason="Insufficient balance",
    user_id=ALICE,
    vocabulary=Vocabulary.V1,
    finalized_at=datetime(2025, 1, 15, 11, 15, 3, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("answer", "name"),
    [(COMPLETED, "wallet.transactionFinalized.documented"), (FAILED_V1, "wallet.transactionFinalized.failed.v1")],
    ids=["documented", "v1"],
)
def test_answer_is_the_sample_and_the_revision(answer: TransactionFinalized, name: str) -> None:
    """An answer has the keys and values of the contract's sample, in its order, and our revision after them."""
    expected = json.loads((SAMPLES / f"{name}.json").read_bytes())

    message = finalized_message(answer)

    assert [*expected.items(), ("revision", 1)] == list(message.items())


@pytest.mark.parametrize(
    ("vocabulary", "status", "spelled"),
    [
        (Vocabulary.DOCUMENTED, FinalStatus.COMPLETED, "completed"),
        (Vocabulary.DOCUMENTED, FinalStatus.FAILED, "failed"),
        (Vocabulary.V1, FinalStatus.COMPLETED, "Completed"),
        (Vocabulary.V1, FinalStatus.FAILED, "Failed"),
    ],
)
def test_status_is_spelled_as_its_reader_wants(vocabulary: Vocabulary, status: FinalStatus, spelled: str) -> None:
    """Each vocabulary has its own two spellings of the status; ``success`` says the same in both."""
    reason = "Insufficient balance" if status is FinalStatus.FAILED else None

    message = finalized_message(COMPLETED._replace(vocabulary=vocabulary, status=status, reason=reason))

    assert (spelled, status is FinalStatus.COMPLETED) == (message["status"], message["success"])


def test_keys_without_a_value_are_absent() -> None:
    """An answer about nobody, without a reason, has neither key: null would stop the v1 reader."""
    message = finalized_message(FAILED_V1._replace(status=FinalStatus.COMPLETED, reason=None, user_id=None))

    assert ["transactionId", "status", "success", "finalizedAt", "revision"] == list(message)
    assert None not in message.values()


def test_second_revision_is_told() -> None:
    """The answer after a reversal is revision 2."""
    assert finalized_message(COMPLETED._replace(revision=2))["revision"] == 2


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (datetime(2025, 1, 15, 12, 0, 6, tzinfo=timezone(timedelta(hours=1))), "2025-01-15T11:00:06.000Z"),
        (datetime(2025, 1, 15, 11, 0, 6, 123_999, tzinfo=UTC), "2025-01-15T11:00:06.123Z"),
        (datetime(2025, 1, 15, 11, 0, 6, 999_999, tzinfo=UTC), "2025-01-15T11:00:06.999Z"),
    ],
)
def test_instants_are_utc_with_milliseconds(instant: datetime, written: str) -> None:
    """Instants are ISO 8601 in UTC with milliseconds and Z, cut and not rounded."""
    assert written == finalized_message(COMPLETED._replace(finalized_at=instant))["finalizedAt"]


def test_message_id_is_a_name_based_uuid_of_transaction_and_revision() -> None:
    """The message id is UUIDv5 over transaction and revision, so that every process gives one answer one id."""
    assert message_id_of(COMPLETED) == "0d28bd09-f1c2-5dd8-b355-db76fc61f4ca"
    for number in range(100):
        answer = COMPLETED._replace(transaction_id=f"t{number}")

        assert str(uuid5(UUID(bytes=MESSAGE_ID_NAMESPACE), f"t{number}:1")) == message_id_of(answer)


def test_message_id_depends_on_transaction_and_revision_alone() -> None:
    """Another transaction or revision is another message; a republished answer is the same one."""
    again = COMPLETED._replace(vocabulary=Vocabulary.V1, finalized_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert message_id_of(COMPLETED) == message_id_of(again)
    assert len({message_id_of(COMPLETED), message_id_of(COMPLETED._replace(revision=2)), message_id_of(FAILED_V1)}) == 3


def test_both_readers_understand_the_answers_of_a_day() -> None:
    """Every answer, completed, refused or reversed, is understood by the reader of its own vocabulary."""
    scenario = Scenario()
    scenario.open(ALICE, BOB)
    scenario.post(
        topup(transaction_id(1), ALICE, 100),
        topup_v1(transaction_id(2), ALICE, 100),
        transfer_v1(transaction_id(3), ALICE, BOB, 500),
        topup(transaction_id(4), BOB, -1),
        transfer_v1(transaction_id(5), ALICE, BOB, 50),
        failed(transaction_id(5), "The bank said \ud800 no"),
    )

    scenario.publish()

    assert {transaction_id(1): True, transaction_id(4): False} == {
        id_: answer.is_completed for id_, answer in scenario.documented_reader.last.items()
    }
    assert {transaction_id(2): True, transaction_id(3): False, transaction_id(5): False} == {
        id_: answer.is_completed for id_, answer in scenario.v1_reader.last.items()
    }


def test_answer_without_a_known_user_is_readable() -> None:
    """A refusal about nobody is still read by both readers."""
    nobody = FAILED_V1._replace(user_id=None, reason="Invalid recipient")

    v1 = V1Reader().read(json.dumps(finalized_message(nobody)).encode())
    documented = DocumentedReader().read(
        json.dumps(finalized_message(nobody._replace(vocabulary=Vocabulary.DOCUMENTED))).encode()
    )

    assert ("Invalid recipient", "Invalid recipient") == (v1.reason, documented.reason)
