"""Which check comes first, and what is known, unreadable or unanswerable."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.scenario import (
    ALICE,
    BOB,
    CAROL,
    USD,
    Event,
    Scenario,
    failed,
    signup,
    topup,
    topup_v1,
    transaction_id,
    transfer,
)
from wallet_core import (
    AMOUNT_MINOR_MAX,
    DeadLetterReason,
    OutcomeKind,
    Policy,
    Wire,
)

T = transaction_id(1)
STRANGER = "507f1f77bcf86cd7994390ff"
FULL = Decimal(AMOUNT_MINOR_MAX) / 100


def test_checks_come_in_the_order_of_the_rule(scenario: Scenario) -> None:
    """Of a message that breaks every rule, the first of rule 4 is told; when it is mended, the next one."""
    everything = {"version": "2.0", "type": "refund", "userId": "", "recipientId": "", "amount": -1}
    broken = Event(transfer(T, "", "", 1).subject, {"transactionId": T, **everything})
    mended: list[tuple[str | None, dict[str, object]]] = [
        ("unsupported_version", {}),
        ("Unknown transaction type", {"version": "1.0"}),
        ("Invalid amount: must be greater than zero", {"type": "transfer"}),
        ("Invalid recipient", {"amount": 200}),
        ("Invalid recipient", {"userId": STRANGER}),
        ("Cannot transfer to the same wallet", {"recipientId": STRANGER}),
        ("Wallet not found", {"recipientId": BOB}),
        ("Insufficient balance", {"userId": ALICE}),
        ("Balance limit exceeded", {"amount": 100}),
        (None, {"recipientId": CAROL}),
    ]

    for number, (expected, repair) in enumerate(mended):
        broken = broken.but(**repair)
        outcome = scenario.post_one(broken.but(transactionId=transaction_id(100 + number)), wait_is_over=True)
        assert expected == (outcome.dead_letter or outcome.reason)


def test_known_id_comes_before_every_other_check(scenario: Scenario) -> None:
    """A known transaction is answered again, whatever its version now and whatever has become of its wallets."""
    scenario.post_one(transfer(T, ALICE, CAROL, 60))
    scenario.store.suspend(CAROL)

    for event in (transfer(T, ALICE, CAROL, 60), transfer(T, ALICE, CAROL, 60).but(version="2.0")):
        assert OutcomeKind.REPEATED is scenario.post_one(event).kind


def test_fingerprint_comes_before_the_other_checks(scenario: Scenario) -> None:
    """A known id with another meaning is the producer's bug, whatever else is wrong with the message."""
    scenario.post_one(transfer(T, ALICE, CAROL, 60))

    for event in (transfer(T, ALICE, CAROL, -1), transfer(T, ALICE, STRANGER, 60), transfer(T, ALICE, ALICE, 60)):
        for version in ("1.0", "2.0"):
            outcome = scenario.post_one(event.but(version=version))
            assert DeadLetterReason.KEY_REUSED is outcome.dead_letter
    assert (4_000, 6_000) == (scenario.balance(ALICE), scenario.balance(CAROL))


def test_unknown_version_moves_nothing_and_is_not_recorded(scenario: Scenario) -> None:
    """A message of an unknown major version is set aside, completed or failed, and can be judged later."""
    for event in (topup(T, ALICE, 1), failed(T), signup(STRANGER)):
        outcome = scenario.post_one(event.but(version="2.0"))
        assert (OutcomeKind.SET_ASIDE, DeadLetterReason.UNSUPPORTED_VERSION) == (outcome.kind, outcome.dead_letter)
    assert scenario.record(T) is None
    assert OutcomeKind.APPLIED is scenario.post_one(topup(T, ALICE, 1)).kind


def test_unknown_version_takes_no_money_back(scenario: Scenario) -> None:
    """An unknown version is not guessed at: its ``failed`` reverses nothing."""
    scenario.post_one(topup(T, ALICE, 1))

    outcome = scenario.post_one(failed(T).but(version="2.0"))

    assert DeadLetterReason.UNSUPPORTED_VERSION is outcome.dead_letter
    assert scenario.balance(ALICE) == 10_100


def test_signup_of_an_unknown_version_is_nothing_to_one_who_has_a_wallet(scenario: Scenario) -> None:
    """A signup of whoever has a wallet is nothing to do, whatever its version."""
    assert OutcomeKind.NOTHING is scenario.post_one(signup(ALICE).but(version="2.0")).kind


@pytest.mark.parametrize("wire", list(Wire))
@pytest.mark.parametrize("is_v1", [False, True])
def test_answer_that_a_v1_reader_cannot_read_is_not_given(wire: Wire, is_v1: bool) -> None:  # noqa: FBT001 - a column
    """A transaction whose answer would be in the v1 vocabulary and whose id is no ObjectId is set aside, unposted."""
    scenario = Scenario(Policy(USD, wire=wire))
    scenario.open(ALICE)
    event = topup_v1("order-1", ALICE, 1) if is_v1 else topup("order-1", ALICE, 1)
    answered_in_v1 = wire is Wire.V1 or (wire is Wire.AUTO and is_v1)

    outcome = scenario.post_one(event)

    assert (DeadLetterReason.UNANSWERABLE_ID if answered_in_v1 else None) is outcome.dead_letter
    assert (0 if answered_in_v1 else 100) == scenario.balance(ALICE)
    assert answered_in_v1 is (scenario.record("order-1") is None)


@pytest.mark.parametrize("id_", [f"{T}0", T[:-1], f"{T[:-1]}g", "order-1"])
def test_only_an_object_id_can_be_answered_in_v1(id_: str) -> None:
    """A v1 reader takes ids of exactly 24 hex digits: one more or one less would circle in its queue for ever."""
    scenario = Scenario()
    scenario.open(ALICE)

    assert DeadLetterReason.UNANSWERABLE_ID is scenario.post_one(topup_v1(id_, ALICE, 1)).dead_letter


def test_unanswerable_refusal_is_set_aside_too() -> None:
    """A refusal that its reader cannot read is set aside like any other answer."""
    scenario = Scenario()

    outcome = scenario.post_one(topup_v1("order-1", ALICE, -1))

    assert DeadLetterReason.UNANSWERABLE_ID is outcome.dead_letter
    assert scenario.record("order-1") is None


def test_unanswerable_completed_of_a_tombstone_is_set_aside() -> None:
    """A tombstone needs no answer; its ``completed`` does, and is set aside where nobody could read it."""
    scenario = Scenario()

    assert OutcomeKind.VOID is scenario.post_one(failed("order-1")).kind
    assert DeadLetterReason.UNANSWERABLE_ID is scenario.post_one(topup_v1("order-1", ALICE, 1)).dead_letter
    assert scenario.known("order-1").answer is None
