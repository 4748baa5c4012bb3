"""Posting: requests become entries. ``plan`` decides, pure and synchronous; ``batch.py`` loads before it and stores.

Shape: one request gives one ``Outcome``, in order; signups of a batch are decided first. Requests are independent: a
refused one leaves its neighbours untouched, and a batch gives exactly what its requests give one by one. The two legs
of a transfer are both decided before either is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wallet_core.commands import (
    Credit,
    DeadLetterReason,
    Debit,
    Linked,
    OpenWallet,
    Request,
    Reverse,
    SetAside,
)
from wallet_core.drafts import Drafts, Plan, State
from wallet_core.errors import LedgerCorrupted, PostingRefused
from wallet_core.events import FinalStatus, Vocabulary
from wallet_core.fields import is_object_id
from wallet_core.ledger import Direction, Entry, EntryKind, TransactionKind, TransactionRecord, TransactionState
from wallet_core.legacy import HAS_NO_ENTRIES, IS_UNDECIDED
from wallet_core.outcome import Outcome, OutcomeKind, set_aside
from wallet_core.policy import Policy, Shortfall
from wallet_core.records import TRANSACTION_FAILED, fresh_record, opening_id, opening_record, tombstone
from wallet_core.wallet import Cause, Wallet

WALLET_NOT_FOUND = "Wallet not found"
FAILED_BEFORE_COMPLETED = "Transaction failed before it completed"
REVERSIBLE = frozenset({TransactionState.APPLIED, TransactionState.REVERSAL_DUE, TransactionState.UNDECIDED})
"""States in which a ``failed`` has something to take back, or may have."""


def plan(requests: Sequence[Request], state: State, policy: Policy, now: datetime) -> Plan:
    """
    Decide every request in order, signups first; ``state`` holds what the books say about all that they touch.

    The same arguments give the same plan, always. Raises LedgerCorrupted when ``state`` contradicts itself; a request
    that breaks a rule raises nothing, its outcome says so.
    """
    planning = Planning(requests, state, policy, now)
    planning.go_on(len(requests))
    return planning.plan()


class Planning:
    """``plan`` in parts, for who must not be kept long: ``go_on`` while it says so, then ``plan``."""

    def __init__(self, requests: Sequence[Request], state: State, policy: Policy, now: datetime) -> None:
        """Take what ``plan`` takes; nothing is decided yet."""
        self._requests = requests
        self._posting = _Posting(Drafts(state, now), policy, now)
        signups = [at for at, request in enumerate(requests) if isinstance(request, OpenWallet)]
        self._order = [*signups, *(at for at, request in enumerate(requests) if not isinstance(request, OpenWallet))]
        self._outcomes: dict[int, Outcome] = {}

    def go_on(self, requests_max: int) -> bool:
        """Decide so many requests more; tell whether any is left. Raises as ``plan``."""
        decided = len(self._outcomes)
        for position in self._order[decided : decided + requests_max]:
            self._outcomes[position] = self._posting.decide(self._requests[position])
        return len(self._outcomes) < len(self._order)

    def plan(self) -> Plan:
        """Give the plan, once nothing is left."""
        return self._posting.drafts.plan(tuple(self._outcomes[position] for position in range(len(self._requests))))


class _Posting:
    """The rules for one batch: each method takes one request, changes the drafts, and says how it ended."""

    def __init__(self, drafts: Drafts, policy: Policy, now: datetime) -> None:
        self.drafts = drafts
        self._policy = policy
        self._now = now

    def decide(self, request: Request) -> Outcome:
        if isinstance(request, Linked):
            return self.complete(request)
        return self.fail(request) if isinstance(request, Reverse) else self.open(request)

    def open(self, request: OpenWallet) -> Outcome:
        if self.drafts.wallet(request.user_id) is not None:
            return Outcome(OutcomeKind.NOTHING, "the wallet exists")
        if request.objection is not None:
            return set_aside(request.objection.reason, request.objection.detail)
        wallet = Wallet.open(request.user_id, self._policy.currency.code, self._now)
        self.drafts.add_wallet(wallet)
        if self._policy.opening_balance_minor:
            self._post_opening(wallet, self._policy.opening_balance_minor, request.occurred_at)
        return Outcome(OutcomeKind.OPENED)

    def complete(self, request: Linked) -> Outcome:
        record = self.drafts.record(request.transaction_id)
        known = None if record is None else self._complete_known(request, record)
        if known is not None:
            return known
        if isinstance(request.objection, SetAside):
            return set_aside(request.objection.reason, request.objection.detail)
        vocabulary = self._policy.answer_vocabulary(request.vocabulary)
        if vocabulary is Vocabulary.V1 and not is_object_id(request.transaction_id):
            return set_aside(DeadLetterReason.UNANSWERABLE_ID, "a v1 reader takes ids of 24 hex digits only")
        if record is not None:
            return self._answer_tombstone(record, request, vocabulary)
        if request.objection is not None:
            return self._refuse_fresh(request, vocabulary, request.objection.reason)
        return self._apply(request, vocabulary)

    def fail(self, request: Reverse) -> Outcome:
        record = self.drafts.record(request.transaction_id)
        if record is not None and request.contradicts(record):
            return set_aside(DeadLetterReason.KEY_REUSED, "it carries other facts than the recorded completed")
        if record is not None and record.state not in REVERSIBLE:
            return Outcome(OutcomeKind.NOTHING, f"the transaction is {record.state}")
        if request.objection is not None:
            return set_aside(request.objection.reason, request.objection.detail)
        if record is None:
            self.drafts.keep_record(tombstone(request, self._policy, self._now))
            return Outcome(OutcomeKind.VOID, request.reason)
        if record.is_legacy:
            is_undecided = record.state is TransactionState.UNDECIDED
            return set_aside(DeadLetterReason.LEGACY_TRANSACTION, IS_UNDECIDED if is_undecided else HAS_NO_ENTRIES)
        return self._reverse(record, request)

    def _complete_known(self, request: Linked, record: TransactionRecord) -> Outcome | None:
        """Say what a ``completed`` of a known id is; None for the first one of a tombstone."""
        if record.fingerprint not in (None, request.fingerprint):
            return set_aside(DeadLetterReason.KEY_REUSED, "another completed with this transactionId is recorded")
        if record.state is TransactionState.REVERSAL_DUE:
            return Outcome(OutcomeKind.NOTHING, "its reversal is due")
        if record.state is TransactionState.UNDECIDED:
            return set_aside(DeadLetterReason.LEGACY_TRANSACTION, IS_UNDECIDED)
        if record.answer is None:
            return None
        self.drafts.publish(record.id)
        return Outcome(OutcomeKind.REPEATED, record.reason)

    def _apply(self, request: Linked, vocabulary: Vocabulary) -> Outcome:
        if any(self.drafts.wallet(leg.user_id) is None for leg in request.legs):
            if not request.wait_is_over:
                return Outcome(OutcomeKind.UNKNOWN_WALLET)
            return self._refuse_fresh(request, vocabulary, WALLET_NOT_FOUND)
        try:
            entries = self._entries(request)
        except PostingRefused as refusal:
            return self._refuse_fresh(request, vocabulary, refusal.reason)
        legs = self.drafts.keep_entries([leg.user_id for leg in request.legs], entries)
        applied = fresh_record(request, vocabulary, self._policy, self._now, legs)
        self.drafts.answer(applied, FinalStatus.COMPLETED)
        return Outcome(OutcomeKind.APPLIED)

    def _entries(self, request: Linked) -> list[Entry]:
        """Decide every leg, keep none. Raises PostingRefused."""
        kind = EntryKind.TOPUP if request.kind is TransactionKind.TOPUP else EntryKind.TRANSFER
        wallets = [self._wallet_of_our_currency(leg.user_id) for leg in request.legs]
        return [
            _decide(leg, wallet, self._cause(request, kind, leg))
            for leg, wallet in zip(request.legs, wallets, strict=True)
        ]

    def _wallet_of_our_currency(self, user_id: str) -> Wallet:
        wallet = self.drafts.usable_wallet(user_id)
        if wallet.currency != self._policy.currency.code:
            raise LedgerCorrupted(
                f"wallet {wallet.id} is kept in {wallet.currency}, not in {self._policy.currency.code}"
            )
        return wallet

    def _cause(self, request: Linked, kind: EntryKind, leg: Credit | Debit) -> Cause:
        counterparty_id = request.sender_id if isinstance(leg, Credit) else request.recipient_id
        return Cause(request.transaction_id, kind, self._now, request.occurred_at, counterparty_id, request.description)

    def _reverse(self, record: TransactionRecord, request: Reverse) -> Outcome:
        """Post the opposite of every leg, or remember that it is due."""
        user_ids = [leg.user_id for leg in record.legs]
        try:
            entries = self._opposite_entries(record, request)
        except PostingRefused as refusal:
            return self._remember_due(record, str(refusal), request.dead_letter_id)
        reversed_record = record._replace(
            state=TransactionState.REVERSED,
            reversal_legs=self.drafts.keep_entries(user_ids, entries),
            reason=request.reason or TRANSACTION_FAILED,
            due_since=None,
            dead_letter_id=None,
            changed_at=self._now,
            seen=(),
        )
        self.drafts.answer(reversed_record, FinalStatus.FAILED)
        return Outcome(OutcomeKind.REVERSED, reversed_record.reason)

    def _opposite_entries(self, record: TransactionRecord, request: Reverse) -> list[Entry]:
        """Decide the opposite of every leg, keep none. Raises PostingRefused."""
        may_overdraw = self._policy.shortfall is Shortfall.OVERDRAW
        entries = []
        for leg in record.legs:
            counterparty_id = record.sender_id if leg.direction is Direction.CREDIT else record.recipient_id
            cause = Cause(
                record.id, EntryKind.REVERSAL, self._now, request.occurred_at, counterparty_id, request.reason
            )
            wallet = self.drafts.usable_wallet(leg.user_id)
            entries.append(wallet.reverse(leg, cause, may_overdraw=may_overdraw))
        return entries

    def _remember_due(self, record: TransactionRecord, why: str, dead_letter_id: str | None) -> Outcome:
        """
        Remember that a reversal is due, and which copy of its ``failed`` becomes the one dead letter.

        It is the first that has waited in vain. It stays unacked until the letter is there, so any other may go.
        """
        if dead_letter_id is not None and record.dead_letter_id not in (None, dead_letter_id):
            return Outcome(OutcomeKind.NOTHING, f"its reversal is due, and dead letter {record.dead_letter_id} says so")
        due = record._replace(
            state=TransactionState.REVERSAL_DUE,
            reason=why,
            due_since=record.due_since or self._now,
            dead_letter_id=dead_letter_id or record.dead_letter_id,
            changed_at=self._now,
            seen=self.drafts.seen(leg.user_id for leg in record.legs),
        )
        self.drafts.keep_record(due)
        return Outcome(OutcomeKind.REVERSAL_DUE, why)

    def _refuse_fresh(self, request: Linked, vocabulary: Vocabulary, reason: str) -> Outcome:
        fresh = fresh_record(request, vocabulary, self._policy, self._now)
        return self._refuse(fresh._replace(seen=self.drafts.seen(leg.user_id for leg in request.legs)), reason)

    def _refuse(self, record: TransactionRecord, reason: str) -> Outcome:
        self.drafts.answer(record._replace(reason=reason), FinalStatus.FAILED)
        return Outcome(OutcomeKind.REFUSED, reason)

    def _answer_tombstone(self, void: TransactionRecord, request: Linked, vocabulary: Vocabulary) -> Outcome:
        """Answer the first ``completed`` of what failed before; the tombstone takes over what it says."""
        fresh = fresh_record(request, vocabulary, self._policy, self._now)
        record = fresh._replace(state=TransactionState.VOID, recorded_at=void.recorded_at)
        return self._refuse(record, FAILED_BEFORE_COMPLETED)

    def _post_opening(self, wallet: Wallet, amount_minor: int, occurred_at: datetime | None) -> None:
        cause = Cause(opening_id(wallet), EntryKind.OPENING, self._now, occurred_at)
        entry = wallet.credit(amount_minor, cause)
        legs = self.drafts.keep_entries([wallet.user_id], [entry])
        self.drafts.keep_record(opening_record(wallet, amount_minor, legs, occurred_at, self._now))


def _decide(leg: Credit | Debit, wallet: Wallet, cause: Cause) -> Entry:
    if isinstance(leg, Debit):
        return wallet.debit(leg.amount_minor, cause, leg.expected_version)
    return wallet.credit(leg.amount_minor, cause, leg.expected_version)
