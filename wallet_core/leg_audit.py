"""Whether a transaction's legs are exactly the entries that name it: the facts that both tell, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wallet_core.ledger import Direction, Entry, EntryKind, Leg, TransactionKind, TransactionRecord

EntryKey = tuple[str, int]
"""Wallet id and sequence."""

EntryFacts = tuple[str, str, int, str | None, str | None, EntryKind | None, Direction, int, str, int | None]
"""What an entry and the leg that it was posted for must agree about, as FACT_NAMES has it."""

FACT_NAMES = (
    "transaction",
    "wallet",
    "sequence",
    "owner",
    "counterparty",
    "kind",
    "direction",
    "amount",
    "currency",
    "reversed sequence",
)

_ENTRY_KINDS = {kind: EntryKind(kind.value) for kind in TransactionKind}


def key_of(entry: Entry) -> EntryKey:
    """Give what identifies an entry."""
    return entry.wallet_id, entry.sequence


def leg_keys(record: TransactionRecord) -> set[EntryKey]:
    """Give what identifies the entries of a record's legs."""
    return {(leg.wallet_id, leg.sequence) for leg in (*record.legs, *record.reversal_legs)}


def entry_facts(entry: Entry, owner_id: str | None) -> EntryFacts:
    """Give what an entry says; ``owner_id`` is the user whose wallet it is in, None when there is no such wallet."""
    return (
        entry.transaction_id,
        entry.wallet_id,
        entry.sequence,
        owner_id,
        entry.counterparty_id,
        entry.kind,
        entry.direction,
        entry.amount_minor,
        entry.currency,
        entry.reverses_sequence,
    )


def leg_facts(record: TransactionRecord) -> Iterator[EntryFacts]:
    """Give what the entry of each leg must say."""
    kind = None if record.kind is None else _ENTRY_KINDS[record.kind]
    for leg in record.legs:
        yield _facts(record, leg, leg, kind, None)
    for leg, original in zip(record.reversal_legs, record.legs, strict=False):
        yield _facts(record, leg, original, EntryKind.REVERSAL, original.sequence)


def leg_contradictions(
    record: TransactionRecord, entries: Mapping[EntryKey, Entry], owners: Mapping[str, str]
) -> Iterator[str]:
    """
    Say what does not fit between a record and the entries of its legs; each text is for a person.

    ``owners`` gives the user by wallet id. A wallet that does not exist is no matter of the record.
    """
    for expected in leg_facts(record):
        key = expected[1:3]
        where = f"{key[0]}/{key[1]}"
        if key not in entries:
            yield f"its entry {where} is missing"
            continue
        stored = entry_facts(entries[key], owners.get(key[0], expected[3]))
        for name, is_, should_be in zip(FACT_NAMES, stored, expected, strict=True):
            if is_ != should_be:
                yield f"its entry {where} has {name} {is_} instead of {should_be}"


def _facts(
    record: TransactionRecord, leg: Leg, original: Leg, kind: EntryKind | None, reverses: int | None
) -> EntryFacts:
    """Both an entry and the one that reverses it name the same other side."""
    counterparty_id = record.sender_id if original.direction is Direction.CREDIT else record.recipient_id
    return (
        record.id,
        leg.wallet_id,
        leg.sequence,
        leg.user_id,
        counterparty_id,
        kind,
        leg.direction,
        leg.amount_minor,
        record.currency,
        reverses,
    )
