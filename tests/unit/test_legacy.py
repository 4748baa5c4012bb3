"""
Legacy transactions: what the wallet service before ours has applied or refused, and what nobody knows about.

Alice has 100.00, Bob nothing. The transaction is a transfer of 60.00 from Alice to Bob, whose money has moved, or not,
before our books began: no balance may change any more.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from tests.reading import read_linked
from tests.scenario import ALICE, BOB, CAROL, Event, Scenario, failed, failed_as, transaction_id, transfer, transfer_v1
from wallet_core import (
    Cause,
    DeadLetterReason,
    EntryKind,
    FinalStatus,
    OutcomeKind,
    Policy,
    TransactionRecord,
    TransactionState,
    Vocabulary,
    Wire,
)
from wallet_core.audit import Check
from wallet_core.legacy import settled, undecided_record
from wallet_core.ports import Books, WalletChange

T = transaction_id(1)
COMPLETED = transfer_v1(T, ALICE, BOB, 60)
TABLE = """
state     | event                | outcome    | dead letter        | answer published
----------|----------------------|------------|--------------------|-----------------
applied   | completed            | repeated   |                    | Completed 1
applied   | completed documented | repeated   |                    | Completed 1
applied   | failed               | set_aside  | legacy_transaction |
applied   | failed in full       | set_aside  | legacy_transaction |
applied   | other completed      | set_aside  | key_reused         |
applied   | other failed         | set_aside  | key_reused         |
refused   | completed            | repeated   |                    | Failed 1
refused   | failed               | nothing    |                    |
refused   | other completed      | set_aside  | key_reused         |
undecided | completed            | set_aside  | legacy_transaction |
undecided | completed documented | set_aside  | legacy_transaction |
undecided | failed               | set_aside  | legacy_transaction |
undecided | other completed      | set_aside  | key_reused         |
"""
EVENTS = {
    "completed": COMPLETED,
    "completed documented": transfer(T, ALICE, BOB, Decimal("60.00")),
    "other completed": transfer_v1(T, ALICE, BOB, 61),
    "failed": failed(T, "The bank said no").but(type="Transfer"),
    "failed in full": failed_as(COMPLETED),
    "other failed": failed(T).but(type="TopUp"),
}
ENDS = {"applied": FinalStatus.COMPLETED, "refused": FinalStatus.FAILED}


@dataclass(frozen=True, slots=True)
class Cell:
    """What becomes of an event about a legacy transaction of some state."""

    state: str
    event: str
    outcome: str
    dead_letter: str
    answer: str


CELLS = [Cell(*map(str.strip, line.split("|"))) for line in TABLE.strip().splitlines()[2:]]


def legacy(
    scenario: Scenario, state: str, completed: Event = COMPLETED, reason: str | None = None
) -> TransactionRecord:
    """Make the record of a legacy transaction."""
    now = scenario.clock.now()
    record = undecided_record(read_linked(completed), scenario.policy, now)
    return settled(record, ENDS[state], reason, now) if state in ENDS else record


def keep(scenario: Scenario, *records: TransactionRecord) -> None:
    """Store records past the posting, as a migration does."""

    async def work(books: Books) -> None:
        await books.journal.record_many(records)

    asyncio.run(scenario.store.run(work))


def prepared(policy: Policy | None = None) -> Scenario:
    """Open the wallets and give Alice 100.00."""
    scenario = Scenario(policy)
    scenario.open(ALICE, BOB, CAROL)
    scenario.fund(ALICE, 100)
    scenario.publish()
    return scenario


@pytest.mark.parametrize("cell", CELLS, ids=[f"{cell.state}-{cell.event}".replace(" ", "_") for cell in CELLS])
def test_cell(cell: Cell) -> None:
    """Each cell gives its outcome and answer; no balance changes, no state changes, and the books fit."""
    scenario = prepared()
    keep(scenario, legacy(scenario, cell.state))

    outcome = scenario.post_one(EVENTS[cell.event])

    published = [f"{body['status']} {body['revision']}" for body in scenario.publish() if body["transactionId"] == T]
    assert (cell.outcome, cell.dead_letter) == (outcome.kind, outcome.dead_letter or "")
    assert ([cell.answer] if cell.answer else []) == published
    assert (cell.state, 10_000, 0) == (scenario.known(T).state, scenario.balance(ALICE), scenario.balance(BOB))
    assert [] == scenario.store.audit()[0]


def test_all_of_it_in_one_batch() -> None:
    """Twenty copies of a ``completed`` and a ``failed`` among them change nothing, and are answered once."""
    scenario = prepared()
    keep(scenario, legacy(scenario, "applied"))

    outcomes = scenario.post(*[COMPLETED] * 10, EVENTS["failed"], *[COMPLETED] * 10)

    kinds = [outcome.kind for outcome in outcomes]
    assert (20, 1) == (kinds.count(OutcomeKind.REPEATED), kinds.count(OutcomeKind.SET_ASIDE))
    assert ["Completed"] == [body["status"] for body in scenario.publish()]
    assert 10_000 == scenario.balance(ALICE)


@pytest.mark.parametrize(("reason", "answered"), [("Insufficient balance", "Insufficient balance"), (None, "failed")])
def test_a_refusal_is_repeated_with_its_reason(reason: str | None, answered: str) -> None:
    """What v1 has refused stays refused with the reason it gave; where it gave none there is one all the same."""
    scenario = prepared()
    keep(scenario, legacy(scenario, "refused", reason=reason))

    outcome = scenario.post_one(COMPLETED)

    (body,) = scenario.publish()
    assert answered in str(outcome.reason)
    assert answered in str(body["reason"])
    assert [] == scenario.store.audit()[0]


def test_what_cannot_be_read_is_known_all_the_same() -> None:
    """A transaction with an amount that we would refuse is not looked at twice: any ``completed`` of its id is its."""
    odd = COMPLETED.but(amount=Decimal("0.30000000000000004"))
    scenario = prepared()
    keep(scenario, legacy(scenario, "applied", odd))

    outcomes = scenario.post(odd, COMPLETED)

    assert [OutcomeKind.REPEATED] * 2 == [outcome.kind for outcome in outcomes]
    assert 10_000 == scenario.balance(ALICE)
    assert [] == scenario.store.audit()[0]


def test_a_failed_of_an_unknown_version_is_not_judged() -> None:
    """The version comes before the state, as for every transaction."""
    scenario = prepared()
    keep(scenario, legacy(scenario, "applied"))

    outcome = scenario.post_one(EVENTS["failed"].but(version="2.0"))

    assert DeadLetterReason.UNSUPPORTED_VERSION is outcome.dead_letter


@pytest.mark.parametrize("wire", list(Wire))
def test_the_answer_is_in_the_vocabulary_of_v1_unless_one_is_forced(wire: Wire) -> None:
    """It was asked in v1's vocabulary, before us."""
    scenario = prepared()
    record = legacy(Scenario(replace(scenario.policy, wire=wire)), "applied")

    assert record.answer is not None
    assert (Vocabulary.DOCUMENTED if wire is Wire.DOCUMENTED else Vocabulary.V1) is record.answer.vocabulary


@pytest.mark.parametrize(
    "changes",
    [
        {"state": TransactionState.VOID, "answer": None},
        {"state": TransactionState.REVERSED},
        {"answer": None},
        {"state": TransactionState.UNDECIDED},
        {"is_legacy": False},
        {"is_legacy": False, "state": TransactionState.UNDECIDED, "answer": None},
        {"state": TransactionState.REFUSED},
    ],
    ids=repr,
)
def test_an_audit_finds_what_a_legacy_record_cannot_be(changes: dict[str, object]) -> None:
    """A state that it cannot have, a missing or a wrong answer, and one of ours without its entries are told."""
    scenario = prepared()
    keep(scenario, legacy(scenario, "applied")._replace(**changes))  # type: ignore[arg-type]

    findings, _ = scenario.store.audit()

    assert {(Check.TRANSACTION, T)} == {(finding.check, finding.subject) for finding in findings}


def test_an_audit_finds_an_entry_of_a_legacy_transaction() -> None:
    """Its money moved before our books began: an entry that names it contradicts that."""
    scenario = prepared()
    keep(scenario, legacy(scenario, "applied"))
    bob = scenario.wallet(BOB)
    entry = bob.credit(6_000, Cause(T, EntryKind.TRANSFER, scenario.clock.now(), counterparty_id=ALICE))

    async def vandalize(books: Books) -> None:
        await books.wallets.change_many([WalletChange(bob.version, bob.after(entry))])
        await books.journal.append_many([entry])

    asyncio.run(scenario.store.run(vandalize))

    subjects = {(finding.check, finding.subject) for finding in scenario.store.audit()[0]}

    assert {(Check.ENTRY, f"{bob.id}/1"), (Check.MONEY, "USD")} == subjects
