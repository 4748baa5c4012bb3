"""
Explanations of what would end otherwise now, and of what cannot be decided again.

Alice has 100.00, Bob's wallet is full, Carol's is empty (fixture ``scenario``).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.edited_past import EditedPast, difference, explained, words
from tests.reading import read_linked
from tests.scenario import ALICE, CAROL, USD, Scenario, transaction_id, transfer, transfer_v1
from wallet_core import (
    Currency,
    EntryKind,
    FinalStatus,
    LedgerCorrupted,
    Policy,
    TransactionKind,
    TransactionRecord,
    TransactionState,
    VersionConflict,
    Wire,
)
from wallet_core import wallet as rules
from wallet_core.explanation import Verdict
from wallet_core.legacy import settled, undecided_record
from wallet_core.records import OPENING_PREFIX

T = transaction_id(1)


def test_an_opening_balance_is_a_setting_of_its_time() -> None:
    """Another setting of now would open the wallet with another balance, or with none."""
    scenario = Scenario(Policy(USD, opening_balance_minor=250))
    scenario.open(ALICE)
    id_ = f"{OPENING_PREFIX}{scenario.wallet(ALICE).id}"

    same, other, none = (explained(scenario, id_, policy=Policy(USD, amount)) for amount in (250, 300, 0))

    assert [Verdict.SAME, Verdict.DIFFERENT, Verdict.DIFFERENT] == [each.verdict for each in (same, other, none)]
    assert "INITIAL_WALLET_BALANCE" in words(same)
    assert ("amount minor", "250", "300") == difference(other)
    assert ("record", "applied", "none") == difference(none)


def test_another_wire_is_a_difference(scenario: Scenario) -> None:
    """The answer would be in another vocabulary now; an id that v1 cannot read would not be answered at all."""
    scenario.post(transfer(T, ALICE, CAROL, 1), transfer("order-1", ALICE, CAROL, 1))
    v1 = replace(scenario.policy, wire=Wire.V1)

    answered, unanswerable = explained(scenario, T, policy=v1), explained(scenario, "order-1", policy=v1)

    assert [Verdict.DIFFERENT] * 2 == [answered.verdict, unanswerable.verdict]
    assert {("vocabulary", "documented", "v1"), ("answer vocabulary", "documented", "v1")} == {
        (each.fact, each.then, each.now) for each in answered.decisions[0].differences
    }
    assert "set_aside" in difference(unanswerable)[2]


def test_changed_rules_are_a_difference(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that is stricter now would refuse what was applied; what is recorded stays, and that is said."""
    scenario.post(transfer(T, ALICE, CAROL, 60))
    monkeypatch.setattr(rules, "AMOUNT_MINOR_MAX", 5_000)

    explanation = explained(scenario, T)

    assert Verdict.DIFFERENT is explanation.verdict
    assert ("outcome", "applied", "refused (Balance limit exceeded)") == difference(explanation)
    assert "What is recorded stays" in words(explanation)


def test_books_of_another_currency_are_not_judged(scenario: Scenario) -> None:
    """The setting that is wrong is named."""
    explanation = explained(scenario, transaction_id(0xA), policy=Policy(Currency("EUR", 2)))

    assert (Verdict.DIFFERENT, ()) == (explanation.verdict, explanation.decisions)
    assert "USD then, EUR now" in words(explanation)
    assert "WALLET_CURRENCY" in words(explanation)


def test_an_altered_entry_is_a_difference(scenario: Scenario) -> None:
    """A description that somebody has changed does not give the recorded seal."""
    scenario.post(transfer(T, ALICE, CAROL, 1).but(description="Rent"))
    altered = EditedPast(scenario, edit_entry=lambda entry: entry._replace(description="Gift"))

    explanation = explained(scenario, T, altered)

    assert (Verdict.SAME, Verdict.DIFFERENT) == (explained(scenario, T).verdict, explanation.verdict)
    assert {f"entry {scenario.wallet(user).id}/{n} hash" for user, n in ((ALICE, 2), (CAROL, 1))} == {
        each.fact for each in explanation.decisions[0].differences
    }


def test_a_damaged_record_is_not_judged(scenario: Scenario) -> None:
    """A record or an entry that contradicts the other leads to the audit, with what is wrong."""
    scenario.post(transfer(T, ALICE, CAROL, 60))
    altered = EditedPast(scenario, lambda record: record._replace(state=TransactionState.REFUSED))
    missing = EditedPast(scenario, edit_entry=lambda entry: None if entry.transaction_id == T else entry)

    for past, wrong in ((altered, "its answer is completed"), (missing, "is missing")):
        explanation = explained(scenario, T, past)
        assert (Verdict.UNKNOWN, ()) == (explanation.verdict, explanation.decisions)
        assert wrong in words(explanation)
        assert "'wallet audit'" in words(explanation)


def test_a_gap_before_it_is_an_error(scenario: Scenario) -> None:
    """Without the entry that says what a wallet held before, nothing is claimed."""
    scenario.post(transfer(T, ALICE, CAROL, 60))

    with pytest.raises(LedgerCorrupted, match=f"{scenario.wallet(ALICE).id}/1 is missing"):
        explained(
            scenario, T, EditedPast(scenario, edit_entry=lambda entry: entry if entry.transaction_id == T else None)
        )


def _legacy(scenario: Scenario, status: FinalStatus | None) -> EditedPast:
    """Show a transfer as one that v1 has ended so, or may have."""
    completed = transfer_v1(T, ALICE, CAROL, 60)
    scenario.post(completed)
    now = scenario.clock.now()
    record = undecided_record(read_linked(completed), scenario.policy, now)
    return EditedPast(scenario, lambda _: record if status is None else settled(record, status, None, now))


@pytest.mark.parametrize("status", list(FinalStatus))
def test_what_v1_has_ended_is_not_judged(scenario: Scenario, status: FinalStatus) -> None:
    """There is no decision of ours, and none is made up."""
    explanation = explained(scenario, T, _legacy(scenario, status))

    assert (Verdict.NOT_DECIDED, ()) == (explanation.verdict, explanation.decisions)
    assert "before these books began" in words(explanation)


def test_what_is_undecided_waits_for_a_person(scenario: Scenario) -> None:
    """Nobody can tell, and it is said who must."""
    explanation = explained(scenario, T, _legacy(scenario, None))

    assert (Verdict.UNKNOWN, ()) == (explanation.verdict, explanation.decisions)
    assert "'wallet undecided'" in words(explanation)


def test_a_balance_that_v1_has_left_is_not_judged() -> None:
    """It was taken over, not decided."""
    scenario = Scenario(Policy(USD, opening_balance_minor=250))
    scenario.open(ALICE)
    id_ = f"{OPENING_PREFIX}{scenario.wallet(ALICE).id}"
    adopted = EditedPast(
        scenario,
        lambda record: record._replace(kind=TransactionKind.ADOPTED),
        lambda entry: entry._replace(kind=EntryKind.ADOPTED),
    )

    explanation = explained(scenario, id_, adopted)

    assert (Verdict.NOT_DECIDED, ()) == (explanation.verdict, explanation.decisions)
    assert "taken over" in words(explanation)


def test_an_expected_version_is_not_recorded(scenario: Scenario) -> None:
    """What a caller of the library expected nobody can say any more."""
    scenario.post(transfer(T, ALICE, CAROL, 101))
    reason = VersionConflict.reason
    conflict = EditedPast(scenario, lambda record: _refused_for(record, reason))

    explanation = explained(scenario, T, conflict)

    assert (Verdict.UNKNOWN, ()) == (explanation.verdict, explanation.decisions)
    assert "expected another version" in words(explanation)


def _refused_for(record: TransactionRecord, reason: str) -> TransactionRecord:
    assert record.answer is not None
    return record._replace(reason=reason, answer=record.answer._replace(reason=reason))


def test_an_unknown_id_says_where_to_look(scenario: Scenario) -> None:
    """It may wait, be set aside, or never have come; an id that no message can carry is told as that."""
    unknown, unusable = explained(scenario, T), explained(scenario, "not an id")

    assert [Verdict.UNKNOWN] * 2 == [unknown.verdict, unusable.verdict]
    for place in ("'wallet dead-letters list'", "wallet.retry.", "wallet.update.q", "wallet.revert.q", "DATABASE_URL"):
        assert place in words(unknown)
    assert "No message can carry this id" in words(unusable)
    assert () == unusable.next_steps


def test_an_id_is_found_in_either_case(scenario: Scenario) -> None:
    """As its producer writes it, or as the books do."""
    id_ = f"7{0xABC:023x}"
    scenario.post(transfer(id_, ALICE, CAROL, 1))

    assert [Verdict.SAME] * 2 == [explained(scenario, written).verdict for written in (id_, id_.upper())]
