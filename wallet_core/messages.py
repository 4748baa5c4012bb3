"""The published language: a message (a dict, as JSON gives it) becomes a command; an answer becomes a dict.

Total functions: whatever the dict holds, the result is a command, or ``SetAside`` when there is no usable id to act on.
Numbers must come as ``int`` or ``Decimal``. There are two vocabularies in the field (``events.Vocabulary``); both are
read always. Fields that we do not know are ignored.

Checks that need the message alone are made here, in the order of design rule 4: version, kind, amount, parties,
self-transfer. Their result travels as the command's ``objection``, because the check for a known id comes first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from uuid import UUID, uuid5

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
from wallet_core.ledger import TransactionKind, to_milliseconds
from wallet_core.money import Currency, Money

Message = Mapping[str, object]

DESCRIPTION_LENGTH_MAX = 500
"""Longer descriptions are cut: they are for people, and an entry must stay small."""

REASON_LENGTH_MAX = 200
"""Longest reason in an answer (design rule 6); longer ones of a producer are cut."""

FINGERPRINT_VERSION = "1"
"""First field of every fingerprint, so that another way of computing it can never yield the same one by accident."""

SUPPORTED_MAJOR_VERSION = "1"
"""Documented messages may carry ``version``, today "1.0" (contract)."""

MESSAGE_ID_NAMESPACE = UUID("6f6d1a8e-6f0b-5c58-9a3e-2f9c2d0b7a11")
"""Namespace of our UUIDv5 message ids; a constant drawn once, so that every process gives one answer one id."""

FINALIZED_KEY = "wallet.transactionFinalized"
"""Routing key of every answer (contract)."""

_USABLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OBJECT_ID = re.compile(r"[0-9A-Fa-f]{24}")
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
    """What an incoming message is about: its routing key (contract)."""

    SIGNUP = "user.signup"
    COMPLETED = "transaction.completed"
    FAILED = "transaction.failed"


def request_of(subject: Subject, message: Message, currency: Currency) -> Request | SetAside:
    """Read any incoming message; amounts are in major units of ``currency``."""
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
    """Give the stable id of an answer's message: UUIDv5 of transaction and revision (design rule 8)."""
    return str(uuid5(MESSAGE_ID_NAMESPACE, f"{answer.transaction_id}:{answer.revision}"))


def iso_milliseconds(instant: datetime) -> str:
    """Write an instant as the contract does: ISO 8601 in UTC with milliseconds and ``Z``."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def is_object_id(identifier: str) -> bool:
    """Tell whether an id is 24 hex digits, the only kind that a v1 reader takes."""
    return _OBJECT_ID.fullmatch(identifier) is not None


def usable_id(value: object) -> str | None:
    """
    Read an id: 1-64 of ``[A-Za-z0-9_-]``, a 24-hex one in lower case; anything else is None.

    >>> usable_id("507F1F77BCF86CD799439011")
    '507f1f77bcf86cd799439011'
    >>> usable_id({"$gt": ""}) is None
    True
    """
    if not isinstance(value, str) or not _USABLE_ID.fullmatch(value):
        return None
    return value.lower() if is_object_id(value) else value


def _open_wallet(message: Message) -> OpenWallet | SetAside:
    value = message["userId"] if "userId" in message else message.get("id")
    user_id = usable_id(value)
    if user_id is None:
        return _no_usable_id("userId", value)
    return OpenWallet(user_id, _instant(message.get("createdAt")), _version_objection(message))


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
            kind.value if kind else _raw(message.get("type")),
            sender_id or _raw(sender),
            recipient_id or _raw(recipient),
            currency.code,
            amount_minor or _raw(message.get("amount")),
        ),
        vocabulary=vocabulary,
        kind=kind,
        sender_id=sender_id,
        recipient_id=recipient_id,
        amount_minor=amount_minor,
        legs=() if objection else _legs(sender_id, recipient_id, amount_minor),
        description=_text(message.get("description"), DESCRIPTION_LENGTH_MAX),
        occurred_at=_instant(message.get("completedAt")),
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
        kind=Carried(kind) if "type" in message else None,
        initiator_id=_carried_id(message, recipient_names if is_topup else sender_names),
        recipient_id=None if is_topup else _carried_id(message, recipient_names),
        amount_minor=_carried_amount(amount) if "amount" in message else None,
        reason=_text(message.get("reason"), REASON_LENGTH_MAX),
        occurred_at=_instant(message.get("failedAt")),
        objection=_version_objection(message),
    )


def _vocabulary(message: Message) -> Vocabulary:
    """Tell the dialect by field names, then by the spelling of ``type``; what cannot be told is v1 (contract)."""
    is_v1, is_documented = not _V1_NAMES.isdisjoint(message), not _DOCUMENTED_NAMES.isdisjoint(message)
    if is_v1 != is_documented:
        return Vocabulary.V1 if is_v1 else Vocabulary.DOCUMENTED
    kind = message.get("type")
    return _KINDS[kind][1] if isinstance(kind, str) and kind in _KINDS else Vocabulary.V1


def _kind(message: Message) -> TransactionKind | None:
    kind = message.get("type")
    return _KINDS[kind][0] if isinstance(kind, str) and kind in _KINDS else None


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
    values = [message[name] for name in names if name in message]
    if len({usable_id(value) for value in values}) > 1:
        return values
    return values[0] if values else None


def _amount(value: object, currency: Currency) -> Money | InvalidAmount:
    try:
        return Money.from_major(value, currency)
    except InvalidAmount as error:
        return error


def _carried_id(message: Message, names: Sequence[str]) -> Carried | None:
    return Carried(usable_id(_party(message, names))) if any(name in message for name in names) else None


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
    match = _VERSION.fullmatch(version if isinstance(version, str) else _token(version))
    if match is not None and match[1] == SUPPORTED_MAJOR_VERSION:
        return None
    detail = f"version {_shown(version)} is not known here: versions {SUPPORTED_MAJOR_VERSION}.x are"
    return SetAside(DeadLetterReason.UNSUPPORTED_VERSION, detail)


def _fingerprint(*fields: str | int | dict[str, str] | None) -> str:
    """Hash the meaning of a request; what could not be read takes part as the hash of its raw token."""
    meaning = json.dumps([FINGERPRINT_VERSION, *fields], separators=(",", ":"))
    return sha256(meaning.encode("ascii")).hexdigest()


def _raw(value: object) -> dict[str, str] | None:
    """Hash a token that could not be read, bounded in size whatever it is; None when it is absent."""
    return None if value is None else {"raw": sha256(_token(value).encode("ascii")).hexdigest()}


def _token(value: object) -> str:
    """Write any value as text, other values as other texts: a number is its digits, a text stands in quotes."""
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(Decimal(value))
    try:
        return json.dumps(value, sort_keys=True, default=str)
    except (RecursionError, TypeError, ValueError):
        return f"unreadable {type(value).__name__}"


def _text(value: object, length_max: int) -> str | None:
    """Read a text for people: cut to its limit, lone surrogates (which no UTF-8 can carry) replaced; else None."""
    if not isinstance(value, str) or not value:
        return None
    return value[:length_max].encode("utf-8", "replace").decode("utf-8")


def _instant(value: object) -> datetime | None:
    """Read an ISO 8601 instant; what is no instant, or has no offset, is None: no rule depends on it."""
    if not isinstance(value, str) or len(value) > len("2025-01-15T11:00:05.000000000+00:00"):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return to_milliseconds(instant) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _no_usable_id(name: str, value: object) -> SetAside:
    detail = f"{name} is {_shown(value)}: an id is a string of 1 to 64 letters, digits, '_' and '-'"
    return SetAside(DeadLetterReason.NO_USABLE_ID, detail)


def _shown(value: object) -> str:
    """Show a foreign value to a person, at most 60 characters of it, ASCII only."""
    token = "missing" if value is None else _token(value)
    return token if len(token) <= 60 else f"{token[:57]}..."  # noqa: PLR2004 - named in the docstring
