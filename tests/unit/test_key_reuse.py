"""
The producer's id is the idempotency key: the same id with another meaning is its bug, ``key_reused``.

T is a transfer of 60.00 from Alice to Carol, of which Alice has 100.00.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.scenario import (
    ALICE,
    BOB,
    CAROL,
    Event,
    Scenario,
    failed,
    failed_as,
    topup,
    topup_v1,
    transaction_id,
    transfer,
    transfer_v1,
)
from wallet_core import DeadLetterReason, OutcomeKind, TransactionState

T = transaction_id(1)
COMPLETED = transfer(T, ALICE, CAROL, 60)
TOO_MUCH = transfer(T, ALICE, CAROL, 600)
SPEND = transfer(transaction_id(2), CAROL, BOB, 60)

HISTORIES: dict[TransactionState, list[Event]] = {
    TransactionState.APPLIED: [COMPLETED],
    TransactionState.VOID: [failed(T), COMPLETED],
    TransactionState.REVERSAL_DUE: [COMPLETED, SPEND, failed(T)],
    TransactionState.REVERSED: [COMPLETED, failed(T)],
}
OTHER_COMPLETED = {
    "kind": topup(T, ALICE, 60),
    "sender": transfer(T, BOB, CAROL, 60),
    "recipient": transfer(T, ALICE, BOB, 60),
    "amount": transfer(T, ALICE, CAROL, Decimal("60.01")),
    "amount in v1": transfer_v1(T, ALICE, CAROL, 61),
    "unreadable amount": transfer(T, ALICE, CAROL, "60"),
    "unreadable kind": transfer(T, ALICE, CAROL, 60).but(type="refund"),
    "no recipient": transfer(T, ALICE, CAROL, 60).without("recipientId"),
}
OTHER_FAILED = {
    "kind": failed(T).but(type="topup"),
    "kind in v1": failed(T).but(type="TopUp"),
    "unreadable kind": failed(T).but(type="refund"),
    "sender": failed(T).but(userId=BOB),
    "sender by its other name": failed(T).but(senderId=BOB),
    "unreadable sender": failed(T).but(userId={"$gt": ""}),
    "recipient": failed(T).but(recipientId=BOB),
    "unreadable recipient": failed(T).but(recipientId=""),
    "amount": failed(T).but(amount=Decimal("60.01")),
    "unreadable amount": failed(T).but(amount="60"),
    "amount of 0": failed(T).but(amount=0),
}
SAME_FAILED = {
    "nothing": failed(T),
    "everything": failed_as(COMPLETED),
    "everything in v1": failed_as(transfer_v1(T, ALICE, CAROL, 60)),
    "kind": failed(T).but(type="transfer"),
    "kind in v1": failed(T).but(type="Transfer"),
    "sender": failed(T).but(userId=ALICE.upper()),
    "sender by its other name": failed(T).but(senderId=ALICE),
    "recipient": failed(T).but(recipientId=CAROL),
    "amount": failed(T).but(amount=Decimal("6e1")),
    "what is not compared": failed(T, "x").but(description="y", failedAt="z", unknown=1, version="1.7"),
}


def prepared(*events: Event) -> Scenario:
    """Open the wallets, give Alice 100.00, and post a history."""
    scenario = Scenario()
    scenario.open(ALICE, BOB, CAROL)
    scenario.fund(ALICE, 100)
    for event in events:
        scenario.post(event)
    scenario.publish()
    return scenario


@pytest.mark.parametrize("other", OTHER_COMPLETED.values(), ids=OTHER_COMPLETED)
@pytest.mark.parametrize("state", HISTORIES)
def test_completed_with_another_meaning(state: TransactionState, other: Event) -> None:
    """A known id with another kind, party or amount is set aside in every state, unanswered, and nothing changes."""
    scenario = prepared(*HISTORIES[state])
    before = scenario.final_state()
    assert state is scenario.known(T).state

    outcome = scenario.post_one(other)

    assert (OutcomeKind.SET_ASIDE, DeadLetterReason.KEY_REUSED) == (outcome.kind, outcome.dead_letter)
    assert before == scenario.final_state()
    assert [] == scenario.publish()


@pytest.mark.parametrize("other", OTHER_FAILED.values(), ids=OTHER_FAILED)
@pytest.mark.parametrize("state", HISTORIES)
def test_failed_with_another_meaning(state: TransactionState, other: Event) -> None:
    """A ``failed`` that carries another kind, party or amount is set aside in every state, and nothing changes."""
    scenario = prepared(*HISTORIES[state])
    before = scenario.final_state()

    outcome = scenario.post_one(other)

    assert (OutcomeKind.SET_ASIDE, DeadLetterReason.KEY_REUSED) == (outcome.kind, outcome.dead_letter)
    assert before == scenario.final_state()


@pytest.mark.parametrize("same", SAME_FAILED.values(), ids=SAME_FAILED)
def test_failed_with_the_same_meaning(same: Event) -> None:
    """A ``failed`` is compared only in what it carries, in either vocabulary."""
    scenario = prepared(COMPLETED)

    assert OutcomeKind.REVERSED is scenario.post_one(same).kind


@pytest.mark.parametrize("same", SAME_FAILED.values(), ids=SAME_FAILED)
def test_failed_with_the_same_meaning_after_a_refusal(same: Event) -> None:
    """A ``failed`` for what was refused is nothing to do."""
    scenario = prepared(TOO_MUCH)
    amount = {"amount": 600} if "amount" in same.message else {}

    assert OutcomeKind.NOTHING is scenario.post_one(same.but(**amount)).kind


def test_refused_is_compared_too() -> None:
    """A refused transaction keeps its meaning as well."""
    scenario = prepared(TOO_MUCH)

    for other in (COMPLETED, transfer(T, ALICE, BOB, 600), failed(T).but(amount=60), failed(T).but(userId=BOB)):
        assert DeadLetterReason.KEY_REUSED is scenario.post_one(other).dead_letter


def test_topup_is_compared() -> None:
    """A ``failed`` for a top-up is compared in kind, owner and amount."""
    scenario = prepared(topup_v1(T, ALICE, 60))

    others = [failed(T).but(type="transfer"), failed(T).but(userId=BOB), failed(T).but(amount=61)]
    for other in [*others, failed_as(topup(T, BOB, 60)), failed_as(topup_v1(T, BOB, 60))]:
        assert DeadLetterReason.KEY_REUSED is scenario.post_one(other).dead_letter
    assert OutcomeKind.REVERSED is scenario.post_one(failed_as(topup(T, ALICE, 60))).kind


def test_tombstone_takes_the_first_completed_whatever_it_says() -> None:
    """A tombstone knows its id alone: its first ``completed`` gives it its meaning, the next is compared."""
    scenario = prepared(failed(T).but(amount=1))

    first = scenario.post_one(COMPLETED)
    same = scenario.post_one(transfer_v1(T, ALICE, CAROL, 60))
    other = scenario.post_one(TOO_MUCH)

    assert (OutcomeKind.REFUSED, OutcomeKind.REPEATED) == (first.kind, same.kind)
    assert DeadLetterReason.KEY_REUSED is other.dead_letter
    assert scenario.balance(ALICE) == 10_000


@pytest.mark.parametrize("first", [COMPLETED, TOO_MUCH, transfer(T, ALICE, CAROL, -1), topup(T, "", 1)])
def test_tombstone_is_answered_as_failed_before(first: Event) -> None:
    """The ``completed`` of a tombstone is answered as one that failed before, good or bad in itself."""
    scenario = prepared(failed(T))

    scenario.post(first)

    assert (TransactionState.VOID, 1) == (scenario.known(T).state, scenario.answer(T).revision)
    assert "failed before it completed" in str(scenario.answer(T).reason)


def test_tombstone_says_when_and_why() -> None:
    """A tombstone keeps the producer's reason and instant; its ``completed`` leaves when it was first heard of."""
    scenario = prepared(failed(T, "The bank said no").but(failedAt="2025-01-15T12:00:00Z"))
    heard_at, tombstone = scenario.clock.now(), scenario.known(T)
    scenario.clock.advance(timedelta(hours=1))

    scenario.post(COMPLETED)

    failed_at = datetime(2025, 1, 15, 12, tzinfo=UTC)
    assert ("The bank said no", failed_at, heard_at) == (tombstone.reason, tombstone.occurred_at, tombstone.recorded_at)
    assert (heard_at, scenario.clock.now()) == (scenario.known(T).recorded_at, scenario.known(T).changed_at)


def test_tombstones_of_one_id_are_one() -> None:
    """A second ``failed`` changes nothing about a tombstone, whatever it carries."""
    scenario = prepared(failed(T, "first"))
    before = scenario.final_state()

    outcome = scenario.post_one(failed_as(COMPLETED))

    assert (OutcomeKind.NOTHING, before) == (outcome.kind, scenario.final_state())


def test_id_in_upper_case_is_the_same_key() -> None:
    """An id is lower-cased before it is looked up."""
    scenario = prepared(COMPLETED)

    assert OutcomeKind.REPEATED is scenario.post_one(COMPLETED.but(transactionId=T.upper())).kind
    assert OutcomeKind.REVERSED is scenario.post_one(failed(T.upper())).kind


def test_refusal_of_what_could_not_be_read_is_repeated() -> None:
    """A message with an unreadable field that comes again unchanged is a repetition."""
    for wrong in ({"amount": Decimal("0.001")}, {"type": "refund"}, {"recipientId": {"$gt": ""}}):
        scenario = prepared(COMPLETED.but(**wrong))

        assert OutcomeKind.REPEATED is scenario.post_one(COMPLETED.but(**wrong)).kind
        assert DeadLetterReason.KEY_REUSED is scenario.post_one(COMPLETED).dead_letter


def test_failed_with_a_readable_field_differs_from_an_unreadable_one() -> None:
    """An amount that can be read is not the raw token that was refused: the ``failed`` carries another meaning."""
    scenario = prepared(COMPLETED.but(amount=Decimal("0.001")))

    assert DeadLetterReason.KEY_REUSED is scenario.post_one(failed_as(COMPLETED)).dead_letter


def test_failed_with_the_unreadable_field_itself_is_no_reuse() -> None:
    """A ``failed`` that carries the very token that was refused is the same transaction: nothing to do."""
    wrong = COMPLETED.but(amount=Decimal("0.001"))
    scenario = prepared(wrong)

    assert OutcomeKind.NOTHING is scenario.post_one(failed_as(wrong)).kind


REFUSED_FOR_THEIR_CONTENT = {
    "unknown type": COMPLETED.but(type="refund"),
    "unknown type in v1": transfer_v1(T, ALICE, CAROL, 60).but(type="Refund"),
    "unknown type of one user": topup(T, ALICE, 60).but(type="refund"),
    "no type": COMPLETED.without("type"),
    "unreadable amount": COMPLETED.but(amount="60"),
    "no amount": COMPLETED.without("amount"),
    "unusable recipient": COMPLETED.but(recipientId=""),
    "no recipient": COMPLETED.without("recipientId"),
    "unusable sender": COMPLETED.but(userId={"$gt": ""}),
    "no sender": COMPLETED.without("userId"),
    "two senders": COMPLETED.but(senderId=BOB),
    "no owner": topup(T, "", 60),
    "self-transfer": transfer(T, ALICE, ALICE, 60),
}


@pytest.mark.parametrize("refused", REFUSED_FOR_THEIR_CONTENT.values(), ids=REFUSED_FOR_THEIR_CONTENT)
def test_failed_with_the_facts_of_a_refused_completed_is_no_reuse(refused: Event) -> None:
    """A ``failed`` with the very fields of a ``completed`` that was refused for them is the same transaction."""
    scenario = prepared(refused)
    assert TransactionState.REFUSED is scenario.known(T).state

    outcome = scenario.post_one(failed_as(refused))

    assert (OutcomeKind.NOTHING, None) == (outcome.kind, outcome.dead_letter)


@pytest.mark.parametrize("refused", REFUSED_FOR_THEIR_CONTENT.values(), ids=REFUSED_FOR_THEIR_CONTENT)
def test_refused_completed_that_comes_again_is_a_repetition(refused: Event) -> None:
    """A ``completed`` that was refused for its content and comes again unchanged is answered again."""
    scenario = prepared(refused)

    assert OutcomeKind.REPEATED is scenario.post_one(refused).kind


@pytest.mark.parametrize("other", [transfer_v1(T, BOB, CAROL, 60), transfer_v1(T, ALICE, BOB, 60)])
def test_unknown_type_of_other_parties_in_v1_is_another_meaning(other: Event) -> None:
    """Of a v1 transaction of an unknown type both parties are read, and its initiator is told."""
    scenario = prepared(transfer_v1(T, ALICE, CAROL, 60).but(type="Refund"))

    assert scenario.answer(T).user_id == ALICE
    assert DeadLetterReason.KEY_REUSED is scenario.post_one(other.but(type="Refund")).dead_letter


def test_unknown_type_of_another_user_is_another_meaning() -> None:
    """Of a transaction of an unknown type the user is part of the meaning too, and is told in the answer."""
    scenario = prepared(topup(T, ALICE, 60).but(type="refund"))

    assert scenario.answer(T).user_id == ALICE
    assert DeadLetterReason.KEY_REUSED is scenario.post_one(topup(T, BOB, 60).but(type="refund")).dead_letter


@pytest.mark.parametrize("field", ["type", "userId", "recipientId", "amount"])
def test_null_in_a_failed_is_not_carried(field: str) -> None:
    """A ``failed`` whose field is ``null`` says nothing about it, and takes the money back."""
    scenario = prepared(COMPLETED)

    assert OutcomeKind.REVERSED is scenario.post_one(failed_as(COMPLETED).but(**{field: None})).kind
