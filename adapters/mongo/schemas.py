"""What the server accepts as a document of each collection: ``$jsonSchema`` validators, the last guard of the books.

They refuse what the code above could only write by a defect: a float or an int32 as an amount, a balance beyond its
bounds, a field that is missing or not ours. Strict, except on ``wallets``: there documents of v1's shape stay as they
are until they are adopted, and a person can mend them (moderate: what was invalid before may be updated freely). An
adopted wallet can never carry ``balance`` again, so a v1 service that still runs can neither write to it nor insert a
wallet of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bson import Int64

from adapters.mongo.handles import Document
from wallet_core.events import FinalStatus, Vocabulary
from wallet_core.ledger import DEAD_LETTER_ID_LENGTH_MAX, Direction, EntryKind, TransactionKind, TransactionState
from wallet_core.messages import DESCRIPTION_LENGTH_MAX, REASON_LENGTH_MAX
from wallet_core.money import AMOUNT_MINOR_MAX

SEQUENCE_MAX = 2**53
"""More entries than a wallet can get: a million a second for 285 years."""

ROW_IDS_MAX = 10_000
"""Most transactions of one outbox row: twice the largest batch that is sensible; 800 KB at most."""

REASON_STORED_LENGTH_MAX = 500
"""Longest reason of a record: an answer has at most 200 characters, why a reversal is due names wallet and amounts."""

DATE: Document = {"bsonType": "date"}
OBJECT_ID: Document = {"bsonType": "objectId"}
HASH: Document = {"bsonType": "binData"}
CURRENCY: Document = {"bsonType": "string", "pattern": "^[A-Z]{3}$"}
IDENTIFIER: Document = {"bsonType": ["objectId", "string"], "minLength": 1, "maxLength": 64}
AMOUNT: Document = {"bsonType": "long", "minimum": Int64(1), "maximum": Int64(AMOUNT_MINOR_MAX)}
BALANCE: Document = {"bsonType": "long", "minimum": Int64(-AMOUNT_MINOR_MAX), "maximum": Int64(AMOUNT_MINOR_MAX)}
"""Below zero only by a reversal that may overdraw (WALLET_REVERSAL_SHORTFALL); which one that is, the core knows."""
VERSION: Document = {"bsonType": "long", "minimum": Int64(0), "maximum": Int64(SEQUENCE_MAX)}
SEQUENCE: Document = {"bsonType": "long", "minimum": Int64(1), "maximum": Int64(SEQUENCE_MAX)}


@dataclass(frozen=True, slots=True)
class Validator:
    """A validator as ``create`` and ``collMod`` take it."""

    schema: Document
    level: str = "strict"

    def options(self) -> dict[str, object]:
        """Give the options of the collection."""
        return {
            "validator": {"$jsonSchema": self.schema},
            "validationLevel": self.level,
            "validationAction": "error",
        }


def _text(length_max: int) -> Document:
    return {"bsonType": "string", "minLength": 1, "maxLength": length_max}


def _one_of(values: type[StrEnum]) -> Document:
    return {"bsonType": "string", "enum": [value.value for value in values]}


def _object(required: Document, optional: Document | None = None) -> dict[str, object]:
    """Describe a document that has all ``required`` fields and no other but ``optional`` ones."""
    return {
        "bsonType": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


_WALLET = {
    **_object(
        {
            "_id": OBJECT_ID,
            "userId": IDENTIFIER,
            "currency": CURRENCY,
            "balanceMinor": BALANCE,
            "version": VERSION,
            "headHash": HASH,
            "createdAt": DATE,
            "updatedAt": DATE,
        }
    ),
    "additionalProperties": True,  # an adopted wallet keeps fields that only v1 knows, such as __v
    "not": {"required": ["balance"]},
}

_ENTRY = _object(
    {
        "_id": _object({"w": OBJECT_ID, "n": SEQUENCE}),
        "transactionId": IDENTIFIER,
        "kind": _one_of(EntryKind),
        "direction": _one_of(Direction),
        "amountMinor": AMOUNT,
        "balanceAfterMinor": BALANCE,
        "currency": CURRENCY,
        "recordedAt": DATE,
        "hash": HASH,
    },
    {
        "counterpartyId": IDENTIFIER,
        "description": _text(DESCRIPTION_LENGTH_MAX),
        "reversesSequence": SEQUENCE,
        "occurredAt": DATE,
    },
)

_LEGS: Document = {
    "bsonType": "array",
    "minItems": 1,
    "maxItems": 2,
    "items": _object(
        {
            "userId": IDENTIFIER,
            "walletId": OBJECT_ID,
            "direction": _one_of(Direction),
            "amountMinor": AMOUNT,
            "sequence": SEQUENCE,
        }
    ),
}

_SEEN: Document = {
    "bsonType": "array",
    "minItems": 1,
    "maxItems": 2,
    "items": _object({"userId": IDENTIFIER}, {"version": VERSION}),
}

_ANSWER = _object(
    {
        "revision": {"bsonType": "long", "minimum": Int64(1), "maximum": Int64(2)},
        "status": _one_of(FinalStatus),
        "vocabulary": _one_of(Vocabulary),
        "finalizedAt": DATE,
    },
    {"reason": _text(REASON_LENGTH_MAX), "userId": IDENTIFIER},
)

_TRANSACTION = _object(
    {
        "_id": IDENTIFIER,
        "state": _one_of(TransactionState),
        "vocabulary": _one_of(Vocabulary),
        "currency": CURRENCY,
        "recordedAt": DATE,
        "changedAt": DATE,
    },
    {
        "fingerprint": {"bsonType": "string", "pattern": "^[0-9a-f]{64}$"},
        "kind": _one_of(TransactionKind),
        "senderId": IDENTIFIER,
        "recipientId": IDENTIFIER,
        "amountMinor": AMOUNT,
        "occurredAt": DATE,
        "legs": _LEGS,
        "reversalLegs": _LEGS,
        "answer": _ANSWER,
        "reason": _text(REASON_STORED_LENGTH_MAX),
        "dueSince": DATE,
        "deadLetterId": _text(DEAD_LETTER_ID_LENGTH_MAX),
        "isLegacy": {"bsonType": "bool", "enum": [True]},
        "seen": _SEEN,
    },
)

_OUTBOX_ROW = _object(
    {
        "_id": OBJECT_ID,
        "transactionIds": {"bsonType": "array", "minItems": 1, "maxItems": ROW_IDS_MAX, "items": IDENTIFIER},
        "createdAt": DATE,
    }
)

_LEASE = _object({"_id": _text(64), "holder": _text(200), "expiresAt": DATE})

_UNADOPTED = _object({"_id": {}, "reason": _text(REASON_STORED_LENGTH_MAX), "listedAt": DATE})

_CUTOVER = _object({"_id": IDENTIFIER}, {"stoppedAt": DATE, "notAppliedAt": DATE})

VALIDATORS = {
    "wallets": Validator(_WALLET, level="moderate"),
    "entries": Validator(_ENTRY),
    "transactions": Validator(_TRANSACTION),
    "outbox": Validator(_OUTBOX_ROW),
    "leases": Validator(_LEASE),
    "unadopted": Validator(_UNADOPTED),
    "cutover": Validator(_CUTOVER),
}
"""The validator of each collection that is ours."""
