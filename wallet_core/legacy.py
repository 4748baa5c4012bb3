"""
Legacy transactions: those that the wallet service before ours has handled, or may have.

Their money moved before our books began, so a record of one has no legs and no entry. It exists for the check of a
known id: what the service before ours has applied is not applied again, and what it has refused stays refused.

::

    arrives      applied               refused               undecided
    completed    repeat the answer     repeat the answer     a person decides
    failed       a person decides      nothing               a person decides

"A person decides" is the dead letter ``legacy_transaction``: there is no entry of ours to reverse, and what nobody
knows is not guessed at. Undecided is what was on its way when that service stopped: it may have been applied or not.
"""

from __future__ import annotations

from datetime import datetime

from wallet_core.commands import Linked
from wallet_core.events import FinalStatus, TransactionFinalized, Vocabulary
from wallet_core.ledger import TransactionRecord, TransactionState
from wallet_core.policy import Policy
from wallet_core.records import TRANSACTION_FAILED, fresh_record

IS_UNDECIDED = (
    "the wallet service before ours may have applied it: find out, say so with 'wallet undecided', then replay this"
)
HAS_NO_ENTRIES = (
    "the wallet service before ours has applied it, and there is no entry of ours to reverse: settle it with a new "
    "transaction, then discard this"
)
"""What a person should know about a dead letter ``legacy_transaction``."""


def undecided_record(request: Linked, policy: Policy, now: datetime) -> TransactionRecord:
    """
    Record a transaction that was on its way, as its ``completed`` says it.

    What it says counts only if all of it can be read: else every ``completed`` of that id is taken for this one.
    """
    record = fresh_record(request, policy.answer_vocabulary(Vocabulary.V1), policy, now)
    fingerprint = None if request.objection is not None else request.fingerprint
    return record._replace(state=TransactionState.UNDECIDED, fingerprint=fingerprint, is_legacy=True)


def settled(undecided: TransactionRecord, status: FinalStatus, reason: str | None, now: datetime) -> TransactionRecord:
    """Record how a transaction ended before us, with the answer that its producer got, or should have got."""
    is_applied = status is FinalStatus.COMPLETED
    refusal = None if is_applied else reason or TRANSACTION_FAILED
    answer = TransactionFinalized(
        transaction_id=undecided.id,
        revision=1,
        status=status,
        reason=refusal,
        user_id=undecided.initiator_id,
        vocabulary=undecided.vocabulary,
        finalized_at=now,
    )
    state = TransactionState.APPLIED if is_applied else TransactionState.REFUSED
    return undecided._replace(state=state, answer=answer, reason=refusal, changed_at=now)
