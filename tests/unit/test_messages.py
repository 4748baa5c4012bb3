"""Reading messages: every sample of the contract, ids, parties, versions, and what people wrote; both vocabularies."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.reading import read, read_linked, read_reverse
from tests.scenario import ALICE, BOB, SAMPLES, USD, Event, failed, sample, signup, topup, transaction_id, transfer
from wallet_core import (
    Credit,
    DeadLetterReason,
    Debit,
    OpenWallet,
    Refuse,
    SetAside,
    Subject,
    TransactionKind,
    Vocabulary,
    request_of,
)

ID = transaction_id(1)
READ_ELSEWHERE = {
    "transaction.created.transfer.documented",  # for holds, which come later: their queue is never consumed from
    "transaction.created.transfer.v1",
    "wallet.transactionFinalized.documented",  # test_finalized_message.py
    "wallet.transactionFinalized.failed.v1",
}


@pytest.mark.parametrize("name", ["user.signup.documented", "user.signup.v1"])
def test_signup_samples(name: str) -> None:
    """Both samples of a signup ask for the wallet of the same user."""
    request = request_of(Subject.SIGNUP, sample(name), USD)

    assert OpenWallet(ALICE, occurred_at=datetime(2025, 1, 15, 10, 30, tzinfo=UTC)) == request


@pytest.mark.parametrize("vocabulary", list(Vocabulary))
def test_topup_samples(vocabulary: Vocabulary) -> None:
    """Both samples of a completed top-up credit 100 dollars to the user."""
    request = read_linked(Event(Subject.COMPLETED, sample(f"transaction.completed.topup.{vocabulary}")))

    assert (vocabulary, TransactionKind.TOPUP, None) == (request.vocabulary, request.kind, request.objection)
    assert (Credit(ALICE, 10_000),) == request.legs
    assert request.transaction_id == "507f1f77bcf86cd799439013"
    assert (None, ALICE, 10_000) == (request.sender_id, request.recipient_id, request.amount_minor)


@pytest.mark.parametrize("vocabulary", list(Vocabulary))
def test_transfer_samples(vocabulary: Vocabulary) -> None:
    """Both samples of a completed transfer move 50 dollars from the sender to the recipient."""
    request = read_linked(Event(Subject.COMPLETED, sample(f"transaction.completed.transfer.{vocabulary}")))

    assert (vocabulary, TransactionKind.TRANSFER, None) == (request.vocabulary, request.kind, request.objection)
    assert (Debit(ALICE, 5_000), Credit(BOB, 5_000)) == request.legs
    assert request.transaction_id == "507f1f77bcf86cd799439014"
    assert (ALICE, BOB, 5_000) == (request.sender_id, request.recipient_id, request.amount_minor)


@pytest.mark.parametrize("vocabulary", list(Vocabulary))
def test_failed_samples(vocabulary: Vocabulary) -> None:
    """Both samples of a failed transaction ask for its reversal with the producer's reason."""
    request = read_reverse(Event(Subject.FAILED, sample(f"transaction.failed.{vocabulary}")))

    assert ("507f1f77bcf86cd799439014", vocabulary) == (request.transaction_id, request.vocabulary)
    assert ("Insufficient balance", None) == (request.reason, request.objection)
    failed_at = datetime(2025, 1, 15, 11, 15, 3, tzinfo=UTC) if vocabulary is Vocabulary.DOCUMENTED else None
    assert failed_at == request.occurred_at


def test_every_sample_is_tested() -> None:
    """No sample of the contract is forgotten here."""
    tested = {
        f"transaction.completed.{kind}.{vocabulary}" for kind in ("topup", "transfer") for vocabulary in Vocabulary
    }
    tested |= {
        f"{subject}.{vocabulary}" for subject in ("user.signup", "transaction.failed") for vocabulary in Vocabulary
    }

    assert tested | READ_ELSEWHERE == {path.stem for path in SAMPLES.glob("*.json")}


def test_sender_may_be_called_sender_id() -> None:
    """One page of the documents calls the sender of a transfer ``senderId``."""
    event = transfer(ID, ALICE, BOB, 1).without("userId").but(senderId=ALICE)

    assert (Debit(ALICE, 100), Credit(BOB, 100)) == read_linked(event).legs


@pytest.mark.parametrize("absent", [{}, {"userId": None}])
def test_signup_may_call_its_user_id(absent: dict[str, object]) -> None:
    """A v1 signup carries the whole user document; ``null`` is as good as absent, as everywhere."""
    assert OpenWallet(ALICE) == request_of(Subject.SIGNUP, {"id": ALICE, **absent}, USD)


def test_two_names_of_one_sender_may_agree() -> None:
    """A transfer that names its sender by both names is fine while they agree, upper case or lower."""
    event = transfer(ID, ALICE, BOB, 1).but(senderId=ALICE.upper())

    assert (Debit(ALICE, 100), Credit(BOB, 100)) == read_linked(event).legs


def test_two_names_that_disagree_are_no_sender() -> None:
    """A transfer that names two senders moves nothing."""
    request = read_linked(transfer(ID, ALICE, BOB, 1).but(senderId="somebody-else"))

    assert (Refuse("Invalid recipient"), ()) == (request.objection, request.legs)


def test_kind_decides_in_either_spelling() -> None:
    """A top-up is one in either spelling of its type, whatever the vocabulary of the other fields."""
    for spelling in ("topup", "TopUp"):
        assert read_linked(topup(ID, ALICE, 1).but(type=spelling, description="x")).kind is TransactionKind.TOPUP
    for spelling in ("transfer", "Transfer"):
        assert read_linked(transfer(ID, ALICE, BOB, 1).but(type=spelling)).kind is TransactionKind.TRANSFER


@pytest.mark.parametrize(
    "value", ["TOPUP", "Topup", "topUp", "refund", "", None, 1, True, [], ["topup"], {"topup": 1}], ids=repr
)
def test_unknown_type_is_refused(value: object) -> None:
    """A type in no known spelling is refused."""
    request = read_linked(topup(ID, ALICE, 1).but(type=value))

    assert isinstance(request.objection, Refuse)
    assert (None, ()) == (request.kind, request.legs)


@pytest.mark.parametrize("value", ["1", "1.0", "1.7", "1.0.0", 1, Decimal("1.0")], ids=repr)
def test_known_major_version_is_read(value: object) -> None:
    """Every version 1.x is read like a message without a version."""
    assert read_linked(topup(ID, ALICE, 1).but(version=value)).objection is None
    assert read_reverse(failed(ID).but(version=value)).objection is None
    assert OpenWallet(ALICE) == read(signup(ALICE).but(version=value))


@pytest.mark.parametrize(
    "value",
    ["2.0", "2", "10.0", "11", "0.1", 2, Decimal("2.0"), Decimal("1e3"), "", "one", True, [], {"major": 1}],
    ids=repr,
)
def test_unknown_major_version_is_not_guessed_at(value: object) -> None:
    """A message of an unknown major version objects to being acted on, in every subject."""
    requests = (
        read_linked(topup(ID, ALICE, 1).but(version=value)),
        read_reverse(failed(ID).but(version=value)),
        read(signup(ALICE).but(version=value)),
    )

    for request in requests:
        assert not isinstance(request, SetAside)
        assert isinstance(request.objection, SetAside)
        assert request.objection.reason is DeadLetterReason.UNSUPPORTED_VERSION


def test_refused_message_has_no_legs() -> None:
    """A message that breaks a rule asks for no movement at all."""
    for event in (
        topup(ID, ALICE, -1),
        topup(ID, "", 1),
        transfer(ID, ALICE, ALICE, 1),
        topup(ID, ALICE, 1).but(type="x"),
    ):
        assert () == read_linked(event).legs


def test_failed_carries_only_what_is_there() -> None:
    """A ``failed`` without parties and amount carries none of them: there is nothing to compare."""
    request = read_reverse(failed(ID))

    assert (None, None, None, None) == (request.kind, request.initiator_id, request.recipient_id, request.amount_minor)
