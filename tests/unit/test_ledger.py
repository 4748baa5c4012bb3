"""The journal: what seals an entry, computed here a second time, and what a record says of its transaction."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest

from tests.scenario import ALICE, BOB, USD, Scenario, failed, topup, transaction_id, transfer
from wallet_core import (
    Direction,
    Entry,
    EntryKind,
    FinalStatus,
    Policy,
    TransactionFinalized,
    TransactionKind,
    TransactionRecord,
    TransactionState,
    Vocabulary,
)
from wallet_core.ledger import GENESIS_HASH, epoch_ms, head_after, to_milliseconds

RECORDED_AT = datetime(2025, 1, 15, 11, 0, 6, 123_000, tzinfo=UTC)
ENTRY = Entry(
    wallet_id="507f1f77bcf86cd799439012",
    sequence=7,
    transaction_id="507f1f77bcf86cd799439014",
    kind=EntryKind.TRANSFER,
    direction=Direction.DEBIT,
    amount_minor=5_000,
    balance_after_minor=10_000,
    currency="USD",
    counterparty_id=BOB,
    description='Café "Zum Öchsle"',
    reverses_sequence=None,
    occurred_at=datetime(2025, 1, 15, 11, 15, 2, tzinfo=UTC),
    recorded_at=RECORDED_AT,
)
BARE = ENTRY._replace(kind=EntryKind.OPENING, counterparty_id=None, description=None, occurred_at=None)


def canonical(entry: Entry) -> bytes:
    """Write the documented form by hand: a JSON array in ASCII without spaces, instants in milliseconds."""

    def ms(instant: datetime | None) -> int | None:
        return None if instant is None else (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    form: list[object] = [1, entry.wallet_id, entry.sequence, entry.transaction_id, str(entry.kind)]
    form += [str(entry.direction), entry.amount_minor, entry.balance_after_minor, entry.currency]
    form += [entry.counterparty_id, entry.description, entry.reverses_sequence]
    form += [ms(entry.occurred_at), ms(entry.recorded_at)]
    return json.dumps(form, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def test_canonical_bytes_are_written_out() -> None:
    """The sealed bytes are these, for ever: what is recorded must verify after an update."""
    assert (
        b'[1,"507f1f77bcf86cd799439012",7,"507f1f77bcf86cd799439014","transfer","debit",5000,10000,"USD",'
        b'"507f1f77bcf86cd799439020","Caf\\u00e9 \\"Zum \\u00d6chsle\\"",null,1736939702000,1736938806123]'
    ) == ENTRY.canonical_bytes()


def test_canonical_bytes_of_what_is_absent() -> None:
    """What an entry does not have is null in its bytes."""
    assert (
        b'[1,"507f1f77bcf86cd799439012",7,"507f1f77bcf86cd799439014","opening","debit",5000,10000,"USD",'
        b"null,null,null,null,1736938806123]"
    ) == BARE.canonical_bytes()


def test_hash_is_over_the_previous_hash_and_the_bytes() -> None:
    """A seal is SHA-256 over the previous seal and the entry's bytes."""
    previous = sha256(b"the entry before").digest()

    assert sha256(previous + canonical(ENTRY)).digest() == ENTRY.hash_after(previous)
    assert "7af8ecad9c60aa61c9fbcad928fadf5123d3327e05ffbe659954b0e408bef04a" == ENTRY.hash_after(GENESIS_HASH).hex()


def test_first_entry_follows_thirty_two_zero_bytes() -> None:
    """Before the first entry of every wallet stand 32 zero bytes."""
    assert b"\x00" * 32 == GENESIS_HASH


def test_entries_lead_from_one_head_to_another() -> None:
    """From nothing, or from any head in between, all of a wallet's entries lead to its head; with one missing, none."""
    scenario = Scenario(Policy(USD))
    scenario.open(ALICE)
    for number in range(3):
        scenario.fund(ALICE, 100, transaction_id(number))
    head, entries = scenario.wallet(ALICE).head_hash, scenario.entries(ALICE)

    assert head == head_after(GENESIS_HASH, entries) == head_after(entries[0].hash, entries[1:])
    assert head == head_after(head, ())
    assert head != head_after(GENESIS_HASH, entries[1:])


CHANGES: dict[str, object] = {
    "wallet_id": "507f1f77bcf86cd799439019",
    "sequence": 8,
    "transaction_id": "507f1f77bcf86cd799439099",
    "kind": EntryKind.REVERSAL,
    "direction": Direction.CREDIT,
    "amount_minor": 5_001,
    "balance_after_minor": 10_001,
    "currency": "EUR",
    "counterparty_id": None,
    "description": "Café",
    "reverses_sequence": 3,
    "occurred_at": None,
    "recorded_at": RECORDED_AT + timedelta(milliseconds=1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_is_sealed(name: str) -> None:
    """A change of any field breaks the seal."""
    changed = ENTRY._replace(**{name: CHANGES[name]})  # type: ignore[arg-type]

    assert ENTRY.hash_after(GENESIS_HASH) != changed.hash_after(GENESIS_HASH)


def test_no_field_is_left_out_of_the_seal() -> None:
    """The test above knows every field of an entry but the seal itself."""
    assert {*CHANGES, "hash"} == {*Entry._fields}


def test_bytes_do_not_depend_on_the_zone_of_an_instant() -> None:
    """The same instant told in another zone gives the same bytes."""
    elsewhere = RECORDED_AT.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert ENTRY.canonical_bytes() == ENTRY._replace(recorded_at=elsewhere).canonical_bytes()


def test_chain_of_a_wallet_verifies() -> None:
    """Every entry that is posted is sealed onto the one before it, gapless from 1, and sums up to its balance."""
    scenario = Scenario(Policy(USD, opening_balance_minor=1_000))
    scenario.open(ALICE, BOB)
    scenario.post(
        topup(transaction_id(1), ALICE, 100),
        transfer(transaction_id(2), ALICE, BOB, 30).but(description="für Ölfarbe"),
        failed(transaction_id(2)),
    )

    for user_id, kinds in ((ALICE, "opening topup transfer reversal"), (BOB, "opening transfer reversal")):
        head, balance_minor = GENESIS_HASH, 0
        for sequence, entry in enumerate(scenario.entries(user_id), start=1):
            head = sha256(head + canonical(entry)).digest()
            balance_minor += entry.amount_minor * (1 if entry.direction is Direction.CREDIT else -1)
            assert (sequence, balance_minor, head) == (entry.sequence, entry.balance_after_minor, entry.hash)
        assert kinds == " ".join(entry.kind for entry in scenario.entries(user_id))
        wallet = scenario.wallet(user_id)
        assert (head, balance_minor, sequence) == (wallet.head_hash, wallet.balance_minor, wallet.version)


def test_entry_signs_its_amount() -> None:
    """A credit adds its amount, a debit takes it away; each is the opposite of the other."""
    assert (-5_000, 5_000) == (ENTRY.signed_minor, ENTRY._replace(direction=Direction.CREDIT).signed_minor)
    assert (Direction.CREDIT, Direction.DEBIT) == (Direction.DEBIT.opposite, Direction.CREDIT.opposite)


@pytest.mark.parametrize(
    ("instant", "ms"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), -1),
        (datetime(2025, 1, 15, 11, 0, 5, 123_999, tzinfo=UTC), 1_736_938_805_123),
        (datetime(2025, 1, 15, 12, 0, 5, tzinfo=timezone(timedelta(hours=1))), 1_736_938_805_000),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 253_402_300_799_999),
    ],
)
def test_instants_are_whole_milliseconds(instant: datetime, ms: int) -> None:
    """An instant is a whole count of milliseconds since 1970, cut and not rounded, and keeps it when cut first."""
    assert ms == epoch_ms(instant)
    assert ms == epoch_ms(to_milliseconds(instant))
    assert to_milliseconds(instant).microsecond % 1_000 == 0


RECORD = TransactionRecord(
    id=transaction_id(1),
    state=TransactionState.APPLIED,
    vocabulary=Vocabulary.DOCUMENTED,
    currency="USD",
    recorded_at=RECORDED_AT,
    changed_at=RECORDED_AT,
    sender_id=ALICE,
    recipient_id=BOB,
)


def test_initiator_is_who_asked_for_it() -> None:
    """Who asked for a transfer is its sender; who asked for a top-up is its owner."""
    assert RECORD._replace(kind=TransactionKind.TRANSFER).initiator_id == ALICE
    assert RECORD._replace(kind=TransactionKind.TOPUP, sender_id=None).initiator_id == BOB


def test_revision_of_a_record_is_that_of_its_answer() -> None:
    """A record without an answer has revision 0, else that of its latest answer."""
    answer = TransactionFinalized(RECORD.id, 2, FinalStatus.FAILED, "x", ALICE, Vocabulary.V1, RECORDED_AT)

    assert (0, 2) == (RECORD.revision, RECORD._replace(answer=answer).revision)
