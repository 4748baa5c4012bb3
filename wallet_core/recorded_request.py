"""The request that a record tells of, made again as a message, so that reading it is repeated too.

Not recorded, and so not repeated: how an amount was written that could not be read; the vocabulary of the question,
where answers are always in one; what a ``failed`` carried; which version a caller of the library expected.
"""

from __future__ import annotations

from datetime import datetime

from wallet_core.commands import Linked, Refuse, Request, Reverse, SetAside
from wallet_core.events import Vocabulary
from wallet_core.ledger import TransactionKind, TransactionRecord
from wallet_core.messages import Subject, fingerprint_of, request_of
from wallet_core.money import Currency, major_units

INVALID_AMOUNT = "Invalid amount: "
"""How a reason begins where the amount could not be read (``errors.InvalidAmount``)."""

SPELLINGS = {TransactionKind.TOPUP: ("topup", "TopUp"), TransactionKind.TRANSFER: ("transfer", "Transfer")}
"""How the kinds are written in the documented vocabulary, and in v1's."""


def recorded_completed(record: TransactionRecord, description: str | None, currency: Currency) -> Request | SetAside:
    """Make the ``completed`` again that a record tells of; its waits are over, for it was decided."""
    request = request_of(Subject.COMPLETED, _message(record, currency), currency)
    if not isinstance(request, Linked):
        return request
    can_be_computed = fingerprint_of(record) is not None
    return request._replace(
        fingerprint=request.fingerprint if can_be_computed else record.fingerprint or request.fingerprint,
        vocabulary=record.vocabulary,
        description=description,
        occurred_at=record.occurred_at,
        objection=_objection(request, record),
        wait_is_over=True,
    )


def recorded_failed(record: TransactionRecord, reason: str | None, occurred_at: datetime | None) -> Reverse:
    """Make the ``failed`` again that a record tells of."""
    return Reverse(
        transaction_id=record.id,
        vocabulary=record.vocabulary,
        kind=None,
        initiator_id=None,
        recipient_id=None,
        amount_minor=None,
        reason=reason,
        occurred_at=occurred_at,
        dead_letter_id=record.dead_letter_id,
    )


def _objection(request: Linked, record: TransactionRecord) -> Refuse | SetAside | None:
    """Give what the message breaks; which rule of amounts, only the record knows of one that could not be read."""
    objection, reason = request.objection, record.reason or ""
    if record.amount_minor is None and isinstance(objection, Refuse):
        is_amount = objection.reason.startswith(INVALID_AMOUNT) and reason.startswith(INVALID_AMOUNT)
        return Refuse(reason) if is_amount else objection
    return objection


def _message(record: TransactionRecord, currency: Currency) -> dict[str, object]:
    """Write what is recorded of a ``completed`` in the vocabulary of its answer; what could not be read is absent."""
    is_v1 = record.vocabulary is Vocabulary.V1
    is_topup = record.kind is TransactionKind.TOPUP
    recipient = "userId" if is_topup else "toUserId" if is_v1 else "recipientId"
    message: dict[str, object | None] = {
        "transactionId": record.id,
        "type": None if record.kind is None else SPELLINGS[record.kind][is_v1],
        "fromUserId" if is_v1 else "senderId": record.sender_id,
        recipient: record.recipient_id,
        "amount": None if record.amount_minor is None else major_units(record.amount_minor, currency),
    }
    return {name: value for name, value in message.items() if value is not None}
