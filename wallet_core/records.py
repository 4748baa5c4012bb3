"""How a transaction's record begins: with a ``completed``, a ``failed`` that came first, or an opening balance."""

from __future__ import annotations

from datetime import datetime

from wallet_core.commands import Linked, Reverse
from wallet_core.events import Vocabulary
from wallet_core.ledger import Leg, TransactionKind, TransactionRecord, TransactionState
from wallet_core.policy import Policy
from wallet_core.wallet import Wallet

OPENING_PREFIX = "opening:"
"""Transaction id of an opening balance: this and the wallet's id. No producer's id can hold a colon."""

TRANSACTION_FAILED = "Transaction failed"
"""Why a transaction failed, if its producer does not say: an answer about a failure needs a reason."""


def fresh_record(
    request: Linked, vocabulary: Vocabulary, policy: Policy, now: datetime, legs: tuple[Leg, ...] = ()
) -> TransactionRecord:
    """Record what a ``completed`` says: applied with its legs, and refused while it has none."""
    return TransactionRecord(
        id=request.transaction_id,
        state=TransactionState.APPLIED if legs else TransactionState.REFUSED,
        vocabulary=vocabulary,
        currency=policy.currency.code,
        recorded_at=now,
        changed_at=now,
        fingerprint=request.fingerprint,
        kind=request.kind,
        sender_id=request.sender_id,
        recipient_id=request.recipient_id,
        amount_minor=request.amount_minor,
        occurred_at=request.occurred_at,
        legs=legs,
    )


def tombstone(request: Reverse, policy: Policy, now: datetime) -> TransactionRecord:
    """Record a ``failed`` that has overtaken its ``completed``: the transaction may not complete any more."""
    return TransactionRecord(
        id=request.transaction_id,
        state=TransactionState.VOID,
        vocabulary=policy.answer_vocabulary(request.vocabulary),
        currency=policy.currency.code,
        recorded_at=now,
        changed_at=now,
        occurred_at=request.occurred_at,
        reason=request.reason,
    )


def opening_id(wallet: Wallet) -> str:
    """Give the transaction id of a wallet's opening balance."""
    return f"{OPENING_PREFIX}{wallet.id}"


def opening_record(
    wallet: Wallet, amount_minor: int, legs: tuple[Leg, ...], occurred_at: datetime | None, now: datetime
) -> TransactionRecord:
    """Record an opening balance: applied, of our own making, and nobody waits for an answer."""
    return TransactionRecord(
        id=opening_id(wallet),
        state=TransactionState.APPLIED,
        vocabulary=Vocabulary.DOCUMENTED,
        currency=wallet.currency,
        recorded_at=now,
        changed_at=now,
        kind=TransactionKind.OPENING,
        recipient_id=wallet.user_id,
        amount_minor=amount_minor,
        occurred_at=occurred_at,
        legs=legs,
    )
