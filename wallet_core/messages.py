"""The published language: a message (a dict, as JSON gives it) becomes a command; an answer becomes a dict.

Total functions: whatever the dict holds, the result is a command, or ``SetAside`` when there is no usable id to act on.
Numbers must come as ``int`` or ``Decimal``. There are two vocabularies in the field (``events.Vocabulary``); both are
read always. Fields that we do not know are ignored.

Checks that need the message alone are made here, in their order (docs/events.md): version, kind, amount, parties,
self-transfer. Their result travels as the command's ``objection``, because the check for a known id comes first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import sha1, sha256

from wallet_core.commands import (
    Carried,
    Credit,
    DeadLetterReason,
    Debit,
    Linked,
    OpenWallet,
    Refuse,
    Request,
    Reverse,
    SetAside,
)
from wallet_core.errors import InvalidAmount
from wallet_core.events import FinalStatus, TransactionFinalized, Vocabulary
from wallet_core.fields import iso_milliseconds, raw_hash, readable_instant, readable_text, shown, token_of, usable_id
from wallet_core.ledger import TransactionKind, TransactionRecord
from wallet_core.money import Currency, Money

Message = Mapping[str, object]
"""A JSON object as the core reads it: its numbers are ``int`` or ``Decimal``, never ``float``."""

DESCRIPTION_LENGTH_MAX = 500
"""Longer descriptions are cut: they are for people, and an entry must stay small."""

REASON_LENGTH_MAX = 200
"""Longest reason in an answer, in characters; longer ones of a producer are cut."""

FINGERPRINT_VERSION = "1"
"""First field of every fingerprint, so that another way of computing it can never yield the same one by accident."""

SUPPORTED_MAJOR_VERSION = "1"
"""Documented messages may carry ``version``, today "1.0"."""

MESSAGE_ID_NAMESPACE = bytes.fromhex("6f6d1a8e6f0b5c589a3e2f9c2d0b7a11")
"""Namespace of our UUIDv5 message ids; a constant drawn once, so that every process gives one answer one id."""

FINALIZED_KEY = "wallet.transactionFinalized"
"""Routing key of every answer."""

_meaning = json.JSONEncoder(separators=(",", ":")).encode
_VERSION = re.compile(r"([0-9]{1,9})(\.[0-9]{1,9}){0,2}")
_V1_NAMES = frozenset({"fromUserId", "toUserId"})
_DOCUMENTED_NAMES = frozenset({"recipientId", "senderId", "description", "completedAt", "failedAt", "version"})
_KINDS = {
    "topup": (TransactionKind.TOPUP, Vocabulary.DOCUMENTED),
    "transfer": (TransactionKind.TRANSFER, Vocabulary.DOCUMENTED),
    "TopUp": (TransactionKind.TOPUP, Vocabulary.V1),
    "Transfer": (TransactionKind.TRANSFER, Vocabulary.V1),
}
_V1_STATUS = {FinalStatus.COMPLETED: "Completed", FinalStatus.FAILED: "Failed"}


class Subject(StrEnum):
    """What an incoming message is about: its routing key."""

    SIGNUP = "user.signup"
    COMPLETED = "transaction.completed"
    FAILED = "transaction.failed"


def request_of(subject: Subject, message: Message, currency: Currency) -> Request | SetAside:
    """
    Read any incoming message, in either vocabulary; its amount is in major units of ``currency``.

    Raises nothing, whatever it holds: what breaks a rule becomes a request with an ``objection``, and what has no
    usable id is set aside.
    """
    if subject is Subject.SIGNUP:
        return _open_wallet(message)
    if subject is Subject.COMPLETED:
        return _linked(message, currency)
    return _reverse(message, currency)


def finalized_message(answer: TransactionFinalized) -> dict[str, str | int | bool]:
    """Write an answer in its vocabulary. Equal answers give equal dicts, in equal order; absent keys, never null."""
    v1 = answer.vocabulary is Vocabulary.V1
    message: dict[str, str | int | bool] = {
        "transactionId": answer.transaction_id,
        "status": _V1_STATUS[answer.status] if v1 else answer.status.value,
    }
    if answer.reason is not None:
        message["reason"] = answer.reason
    if answer.user_id is not None:
        message["userId"] = answer.user_id
    message["success"] = answer.status is FinalStatus.COMPLETED
    message["finalizedAt"] = iso_milliseconds(answer.finalized_at)
    message["revision"] = answer.revision
    return message


def message_id_of(answer: TransactionFinalized) -> str:
    """
    Give the stable id of an answer's message, whenever and by whom it is published: UUIDv5 of transaction and revision.

    By RFC 9562, section 5.5, without the module ``uuid``: it takes three times as long, and a twentieth of our import.
    """
    name = f"{answer.transaction_id}:{answer.revision}".encode()
    digest = bytearray(sha1(MESSAGE_ID_NAMESPACE + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # the variant of the RFC
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def fingerprint_of(record: TransactionRecord) -> str | None:
    """
    Compute the fingerprint of a record's ``completed`` again from what is recorded of it.

    None where that does not suffice: of what could not be read only the fingerprint is kept.
    """
    kind, is_transfer = record.kind, record.kind is TransactionKind.TRANSFER
    if kind is None or (kind is not TransactionKind.TOPUP and not is_transfer):
        return None
    if record.recipient_id is None or not record.amount_minor or is_transfer != (record.sender_id is not None):
        return None
    return _fingerprint(kind.value, record.sender_id, record.recipient_id, record.currency, record.amount_minor)


def _open_wallet(message: Message) -> OpenWallet | SetAside:
    value = message.get("userId")
    if value is None:
        value = message.get("id")
    user_id = usable_id(value)
    if user_id is None:
        return _no_usable_id("userId", value)
    return OpenWallet(user_id, readable_instant(message.get("createdAt")), _version_objection(message))


def _linked(message: Message, currency: Currency) -> Linked | SetAside:
    transaction_id = usable_id(message.get("transactionId"))
    if transaction_id is None:
        return _no_usable_id("transactionId", message.get("transactionId"))
    vocabulary = _vocabulary(message)
    kind = _kind(message)
    sender, recipient = (_party(message, names) for names in _party_names(kind, vocabulary))
    sender_id, recipient_id = usable_id(sender), usable_id(recipient)
    amount = _amount(message.get("amount"), currency)
    amount_minor = amount.amount_minor if isinstance(amount, Money) else None
    objection = _version_objection(message) or _refusal(kind, amount, sender_id, recipient_id)
    return Linked(
        transaction_id=transaction_id,
        fingerprint=_fingerprint(
            kind.value if kind else raw_hash(message.get("type")),
            sender_id or raw_hash(sender),
            recipient_id or raw_hash(recipient),
            currency.code,
            amount_minor or raw_hash(message.get("amount")),
        ),
        vocabulary=vocabulary,
        kind=kind,
        sender_id=sender_id,
        recipient_id=recipient_id,
        amount_minor=amount_minor,
        legs=() if objection else _legs(sender_id, recipient_id, amount_minor),
        description=readable_text(message.get("description"), DESCRIPTION_LENGTH_MAX),
        occurred_at=readable_instant(message.get("completedAt")),
        objection=objection,
    )


def _reverse(message: Message, currency: Currency) -> Reverse | SetAside:
    transaction_id = usable_id(message.get("transactionId"))
    if transaction_id is None:
        return _no_usable_id("transactionId", message.get("transactionId"))
    vocabulary = _vocabulary(message)
    kind = _kind(message)
    sender_names, recipient_names = _party_names(kind, vocabulary)
    is_topup = kind is TransactionKind.TOPUP
    amount = _amount(message.get("amount"), currency)
    return Reverse(
        transaction_id=transaction_id,
        vocabulary=vocabulary,
        kind=Carried(kind) if message.get("type") is not None else None,
        initiator_id=_carried_id(message, recipient_names if is_topup else sender_names),
        recipient_id=None if is_topup else _carried_id(message, recipient_names),
        amount_minor=_carried_amount(amount) if message.get("amount") is not None else None,
        reason=readable_text(message.get("reason"), REASON_LENGTH_MAX),
        occurred_at=readable_instant(message.get("failedAt")),
        objection=_version_objection(message),
    )


def _vocabulary(message: Message) -> Vocabulary:
    """Tell the dialect by field names, then by the spelling of ``type``; what cannot be told is v1."""
    is_v1, is_documented = not _V1_NAMES.isdisjoint(message), not _DOCUMENTED_NAMES.isdisjoint(message)
    if is_v1 != is_documented:
        return Vocabulary.V1 if is_v1 else Vocabulary.DOCUMENTED
    kind = message.get("type")
    return _KINDS[kind][1] if type(kind) is str and kind in _KINDS else Vocabulary.V1


def _kind(message: Message) -> TransactionKind | None:
    kind = message.get("type")  # a text, and none of its own kind: bson.Code is one, and cannot be hashed
    return _KINDS[kind][0] if type(kind) is str and kind in _KINDS else None


def _party_names(kind: TransactionKind | None, vocabulary: Vocabulary) -> tuple[Sequence[str], Sequence[str]]:
    """Give the names under which sender and recipient may stand; of an unknown type, all that there are."""
    if kind is TransactionKind.TOPUP:
        return (), ("userId",)
    if kind is None:
        return ("userId", "senderId", "fromUserId"), ("recipientId", "toUserId")
    return (
        (("fromUserId",), ("toUserId",)) if vocabulary is Vocabulary.V1 else (("userId", "senderId"), ("recipientId",))
    )


def _party(message: Message, names: Sequence[str]) -> object:
    """Give the raw id of a party. Names that disagree about it give all their values, which are no usable id."""
    values = [message[name] for name in names if message.get(name) is not None]
    if len(values) > 1 and len({usable_id(value) for value in values}) > 1:
        return values
    return values[0] if values else None


def _amount(value: object, currency: Currency) -> Money | InvalidAmount:
    try:
        return Money.from_major(value, currency)
    except InvalidAmount as error:
        return error


def _carried_id(message: Message, names: Sequence[str]) -> Carried | None:
    """Read a carried party; ``null`` is as good as absent, as in a ``completed``."""
    party = _party(message, names)
    return None if party is None else Carried(usable_id(party))


def _carried_amount(amount: Money | InvalidAmount) -> Carried:
    return Carried(amount.amount_minor if isinstance(amount, Money) else None)


def _refusal(
    kind: TransactionKind | None, amount: Money | InvalidAmount, sender_id: str | None, recipient_id: str | None
) -> Refuse | None:
    if kind is None:
        return Refuse("Unknown transaction type")
    if isinstance(amount, InvalidAmount):
        return Refuse(str(amount))
    if recipient_id is None or (sender_id is None and kind is TransactionKind.TRANSFER):
        return Refuse("Invalid recipient")
    if sender_id == recipient_id:
        return Refuse("Cannot transfer to the same wallet")
    return None


def _legs(sender_id: str | None, recipient_id: str | None, amount_minor: int | None) -> tuple[Credit | Debit, ...]:
    if recipient_id is None or amount_minor is None:
        return ()
    credit = Credit(recipient_id, amount_minor)
    return (credit,) if sender_id is None else (Debit(sender_id, amount_minor), credit)


def _version_objection(message: Message) -> SetAside | None:
    version = message.get("version")
    if version is None:
        return None
    match = _VERSION.fullmatch(version if isinstance(version, str) else token_of(version))
    if match is not None and match[1] == SUPPORTED_MAJOR_VERSION:
        return None
    detail = f"version {shown(version)} is not known here: versions {SUPPORTED_MAJOR_VERSION}.x are"
    return SetAside(DeadLetterReason.UNSUPPORTED_VERSION, detail)


def _fingerprint(*fields: str | int | dict[str, str] | None) -> str:
    """Hash the meaning of a request; what could not be read takes part as the hash of its raw token."""
    return sha256(_meaning([FINGERPRINT_VERSION, *fields]).encode("ascii")).hexdigest()


def _no_usable_id(name: str, value: object) -> SetAside:
    detail = f"{name} is {shown(value)}: an id is a string of 1 to 64 letters, digits, '_' and '-'"
    return SetAside(DeadLetterReason.NO_USABLE_ID, detail)
