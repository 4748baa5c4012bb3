"""Documents <-> values.

Reading back is not construction: no rule is decided here, and a document that cannot be read is LedgerCorrupted.

Absent rather than null. Every integer is an Int64: the driver writes small ones as int32, which the validators refuse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bson import Int64, ObjectId

from adapters.mongo.fields import (
    binary,
    flag,
    id_from,
    id_to,
    identifier,
    instant,
    integer,
    member,
    optional_identifier,
    optional_instant,
    optional_integer,
    optional_text,
    subdocument,
    subdocuments,
    text,
)
from adapters.mongo.handles import Document
from wallet_core.events import FinalStatus, TransactionFinalized, Vocabulary
from wallet_core.fields import usable_id
from wallet_core.ledger import (
    Direction,
    Entry,
    EntryKind,
    Leg,
    SeenWallet,
    TransactionKind,
    TransactionRecord,
    TransactionState,
)
from wallet_core.wallet import SuspendedWallet, Wallet

ENTRY_KINDS = {kind.value: kind for kind in EntryKind}
DIRECTIONS = {direction.value: direction for direction in Direction}
KINDS = {kind.value: kind for kind in TransactionKind}
STATES = {state.value: state for state in TransactionState}
STATUSES = {status.value: status for status in FinalStatus}
VOCABULARIES = {vocabulary.value: vocabulary for vocabulary in Vocabulary}


OURS_ALONE = "headHash"
"""The field that a wallet of ours has and no other: v1 knows neither entries nor their seals."""

OURS: Document = {OURS_ALONE: {"$exists": True}}
"""Finds the wallets of ours; ``is_ours`` tells one."""


def is_ours(document: Document) -> bool:
    """Tell a wallet of ours from one that v1 left, whatever else v1 has put into it."""
    return OURS_ALONE in document


def wallet_to_document(wallet: Wallet) -> dict[str, object]:
    """Give the document of a new wallet."""
    return {
        "_id": id_to(wallet.id),
        "userId": id_to(wallet.user_id),
        "currency": wallet.currency,
        "createdAt": wallet.opened_at,
        **changed_fields(wallet),
    }


def changed_fields(wallet: Wallet) -> dict[str, object]:
    """Give the fields of a wallet that an entry changes."""
    return {
        "balanceMinor": Int64(wallet.balance_minor),
        "version": Int64(wallet.version),
        "headHash": wallet.head_hash,
        "updatedAt": wallet.changed_at,
    }


def wallet_from_document(document: Document) -> Wallet:
    """Read a wallet."""
    return Wallet(  # by position: by name it takes a fifth longer
        identifier(document, "_id"),
        identifier(document, "userId"),
        text(document, "currency"),
        integer(document, "balanceMinor"),
        integer(document, "version"),
        binary(document, "headHash"),
        instant(document, "createdAt"),
        instant(document, "updatedAt"),
    )


def wallets_by_user(documents: Iterable[Document]) -> dict[str, Wallet | SuspendedWallet]:
    """
    Read wallets found by their owners.

    A document that is not ours is v1's and was not adopted. Who has one, or has more than one document, is suspended:
    which of them counts is for a person to say.
    """
    wallets: dict[str, Wallet | SuspendedWallet] = {}
    for document in documents:
        user_id = owner(document)
        if user_id in wallets or not is_ours(document):
            wallets[user_id] = SuspendedWallet(user_id)
        else:
            wallets[user_id] = wallet_from_document(document)
    return wallets


def owner(document: Document) -> str:
    """Read whose wallet a document is: the user as the core knows him, in whichever of ``owner_forms`` he is stored."""
    stored_id = identifier(document, "userId")
    return stored_id if isinstance(document["userId"], ObjectId) else usable_id(stored_id) or stored_id


def owner_forms(user_ids: Collection[str]) -> list[ObjectId | str]:
    """
    Give the forms in which these owners may be stored.

    Ours is ``id_to``. In a v1 document an owner that should be an ObjectId may be text, in lower or upper case, and
    while such a wallet waits for a person it must not look as if its owner had none.
    """
    forms: list[ObjectId | str] = list(user_ids)
    for user_id in user_ids:
        form = id_to(user_id)
        if isinstance(form, ObjectId):
            forms += [form, user_id.upper()]
    return forms


def entry_key(wallet_id: str, sequence: int) -> dict[str, object]:
    """Give the ``_id`` of an entry. The order of its fields is part of it: ranges compare the wallet first."""
    return {"w": id_to(wallet_id), "n": Int64(sequence)}


def entry_to_document(entry: Entry) -> dict[str, object]:
    """Give the document of an entry."""
    document: dict[str, object] = {
        "_id": entry_key(entry.wallet_id, entry.sequence),
        "transactionId": id_to(entry.transaction_id),
        "kind": entry.kind.value,
        "direction": entry.direction.value,
        "amountMinor": Int64(entry.amount_minor),
        "balanceAfterMinor": Int64(entry.balance_after_minor),
        "currency": entry.currency,
        "recordedAt": entry.recorded_at,
        "hash": entry.hash,
    }
    if entry.counterparty_id is not None:
        document["counterpartyId"] = id_to(entry.counterparty_id)
    if entry.description is not None:
        document["description"] = entry.description
    if entry.reverses_sequence is not None:
        document["reversesSequence"] = Int64(entry.reverses_sequence)
    if entry.occurred_at is not None:
        document["occurredAt"] = entry.occurred_at
    return document


def entry_from_document(document: Document) -> Entry:
    """Read an entry."""
    key = subdocument(document, "_id")
    return Entry(  # by position: by name it takes a fifth longer
        identifier(key, "w"),
        integer(key, "n"),
        identifier(document, "transactionId"),
        member(ENTRY_KINDS, document, "kind"),
        member(DIRECTIONS, document, "direction"),
        integer(document, "amountMinor"),
        integer(document, "balanceAfterMinor"),
        text(document, "currency"),
        optional_identifier(document, "counterpartyId"),
        optional_text(document, "description"),
        optional_integer(document, "reversesSequence"),
        optional_instant(document, "occurredAt"),
        instant(document, "recordedAt"),
        binary(document, "hash"),
    )


def record_to_document(record: TransactionRecord) -> dict[str, object]:
    """Give the document of a transaction."""
    document: dict[str, object | None] = {
        "_id": id_to(record.id),
        "state": record.state.value,
        "vocabulary": record.vocabulary.value,
        "currency": record.currency,
        "recordedAt": record.recorded_at,
        "changedAt": record.changed_at,
        "fingerprint": record.fingerprint,
        "kind": None if record.kind is None else record.kind.value,
        "senderId": None if record.sender_id is None else id_to(record.sender_id),
        "recipientId": None if record.recipient_id is None else id_to(record.recipient_id),
        "amountMinor": None if record.amount_minor is None else Int64(record.amount_minor),
        "occurredAt": record.occurred_at,
        "legs": [_leg_to_document(leg) for leg in record.legs] or None,
        "reversalLegs": [_leg_to_document(leg) for leg in record.reversal_legs] or None,
        "answer": None if record.answer is None else _answer_to_document(record.answer),
        "reason": record.reason,
        "dueSince": record.due_since,
        "deadLetterId": record.dead_letter_id,
        "isLegacy": record.is_legacy or None,
        "seen": [_seen_to_document(seen) for seen in record.seen] or None,
    }
    return {name: value for name, value in document.items() if value is not None}


def record_from_document(document: Document) -> TransactionRecord:
    """Read a transaction."""
    return TransactionRecord(
        id=identifier(document, "_id"),
        state=member(STATES, document, "state"),
        vocabulary=member(VOCABULARIES, document, "vocabulary"),
        currency=text(document, "currency"),
        recorded_at=instant(document, "recordedAt"),
        changed_at=instant(document, "changedAt"),
        fingerprint=optional_text(document, "fingerprint"),
        kind=member(KINDS, document, "kind") if "kind" in document else None,
        sender_id=optional_identifier(document, "senderId"),
        recipient_id=optional_identifier(document, "recipientId"),
        amount_minor=optional_integer(document, "amountMinor"),
        occurred_at=optional_instant(document, "occurredAt"),
        legs=tuple(map(_leg_from_document, subdocuments(document, "legs"))),
        reversal_legs=tuple(map(_leg_from_document, subdocuments(document, "reversalLegs"))),
        answer=answer_from_document(document),
        reason=optional_text(document, "reason"),
        due_since=optional_instant(document, "dueSince"),
        dead_letter_id=optional_text(document, "deadLetterId"),
        is_legacy=flag(document, "isLegacy"),
        seen=tuple(map(_seen_from_document, subdocuments(document, "seen"))),
    )


def answer_from_document(document: Document) -> TransactionFinalized | None:
    """Read the answer of a transaction's document (its ``_id`` and ``answer`` are enough); None when it has none."""
    if "answer" not in document:
        return None
    answer = subdocument(document, "answer")
    return TransactionFinalized(
        transaction_id=id_from(document.get("_id"), "_id"),
        revision=integer(answer, "revision"),
        status=member(STATUSES, answer, "status"),
        reason=optional_text(answer, "reason"),
        user_id=optional_identifier(answer, "userId"),
        vocabulary=member(VOCABULARIES, answer, "vocabulary"),
        finalized_at=instant(answer, "finalizedAt"),
    )


def _answer_to_document(answer: TransactionFinalized) -> dict[str, object]:
    document: dict[str, object] = {
        "revision": Int64(answer.revision),
        "status": answer.status.value,
        "vocabulary": answer.vocabulary.value,
        "finalizedAt": answer.finalized_at,
    }
    if answer.reason is not None:
        document["reason"] = answer.reason
    if answer.user_id is not None:
        document["userId"] = id_to(answer.user_id)
    return document


def _leg_to_document(leg: Leg) -> dict[str, object]:
    return {
        "userId": id_to(leg.user_id),
        "walletId": id_to(leg.wallet_id),
        "direction": leg.direction.value,
        "amountMinor": Int64(leg.amount_minor),
        "sequence": Int64(leg.sequence),
    }


def _leg_from_document(document: Document) -> Leg:
    return Leg(
        user_id=identifier(document, "userId"),
        wallet_id=identifier(document, "walletId"),
        direction=member(DIRECTIONS, document, "direction"),
        amount_minor=integer(document, "amountMinor"),
        sequence=integer(document, "sequence"),
    )


def _seen_to_document(seen: SeenWallet) -> dict[str, object]:
    version: dict[str, object] = {} if seen.version is None else {"version": Int64(seen.version)}
    return {"userId": id_to(seen.user_id), **version}


def _seen_from_document(document: Document) -> SeenWallet:
    return SeenWallet(user_id=identifier(document, "userId"), version=optional_integer(document, "version"))
