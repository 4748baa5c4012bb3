"""Decisions: a record taken apart into what was decided about its transaction, each with its request and its state.

::

    opening                   a signup
    applied, refused          a completed
    void                      a failed; a completed after it, if one has come
    reversed, reversal_due    a completed that was applied; a failed, or the last try of one

The requests are those of ``recorded_request``. The states come from ``past``: one where the books say what the wallets
were, several where they do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from wallet_core.commands import OpenWallet, Request, SetAside
from wallet_core.drafts import State
from wallet_core.errors import WalletSuspended
from wallet_core.events import FinalStatus, TransactionFinalized
from wallet_core.ledger import Entry, Leg, TransactionKind, TransactionRecord, TransactionState
from wallet_core.messages import Subject
from wallet_core.money import Currency
from wallet_core.outcome import OutcomeKind
from wallet_core.past import UNCERTAINTY, Recollection, saw_wallets_unchanged
from wallet_core.posting import WALLET_NOT_FOUND
from wallet_core.recorded_request import recorded_completed, recorded_failed
from wallet_core.wallet import SuspendedWallet, Wallet, wallet_id_of

PossibleWallet = Wallet | SuspendedWallet | None
"""A wallet as a decision may have seen it; None: there was none."""


@dataclass(frozen=True, slots=True)
class Decision:
    """
    One decision as it was made.

    ``states`` are the states that it may have met, the likeliest first; there is one, and ``is_exact``, where the books
    say which it was. ``then`` is the record after it, ``legs`` and ``entries`` what it posted.
    """

    subject: Subject
    at: datetime
    outcome: OutcomeKind
    request: Request | SetAside
    states: tuple[State, ...]
    then: TransactionRecord
    legs: tuple[Leg, ...] = ()
    entries: tuple[Entry, ...] = ()
    is_exact: bool = True


def decisions_of(record: TransactionRecord, recollection: Recollection, currency: Currency) -> tuple[Decision, ...]:
    """
    Take a sound record of ours (``record_audit``) apart, the oldest decision first.

    Raises LedgerCorrupted if an entry is missing that says what a wallet was.
    """
    if record.kind is TransactionKind.OPENING:
        return (_opened(record, recollection),)
    match record.state:
        case TransactionState.APPLIED:
            return (_applied(record, recollection, currency, then=record),)
        case TransactionState.REFUSED:
            return (_refused(record, recollection, currency),)
        case TransactionState.REVERSED:
            applied = _applied(record, recollection, currency, then=_when_applied(record))
            return applied, _reversed(record, recollection, before=applied.then)
        case TransactionState.REVERSAL_DUE:
            applied = _applied(record, recollection, currency, then=_when_applied(record))
            return applied, _due(record, recollection)
        case _:
            return _void(record, currency)


def _opened(record: TransactionRecord, recollection: Recollection) -> Decision:
    return Decision(
        subject=Subject.SIGNUP,
        at=record.recorded_at,
        outcome=OutcomeKind.OPENED,
        request=OpenWallet(record.recipient_id or "", record.occurred_at),
        states=(State({}, {}),),
        then=record,
        legs=record.legs,
        entries=tuple(map(recollection.entry_of, record.legs)),
    )


def _applied(
    record: TransactionRecord, recollection: Recollection, currency: Currency, *, then: TransactionRecord
) -> Decision:
    entries = tuple(map(recollection.entry_of, record.legs))
    return Decision(
        subject=Subject.COMPLETED,
        at=record.recorded_at,
        outcome=OutcomeKind.APPLIED,
        request=recorded_completed(record, entries[0].description, currency),
        states=(_state(map(recollection.wallet_before, record.legs)),),
        then=then,
        legs=record.legs,
        entries=entries,
    )


def _refused(record: TransactionRecord, recollection: Recollection, currency: Currency) -> Decision:
    states: tuple[State, ...] = (State({}, {}),)
    is_exact = True
    if saw_wallets_unchanged(record):
        parties = [party for party in (record.sender_id, record.recipient_id) if party is not None]
        states = tuple(map(_state, product(*(_possible(user_id, record, recollection) for user_id in parties))))
        is_exact = bool(record.seen)
    return Decision(
        subject=Subject.COMPLETED,
        at=record.changed_at,
        outcome=OutcomeKind.REFUSED,
        request=recorded_completed(record, None, currency),
        states=states,
        then=record,
        is_exact=is_exact,
    )


def _void(record: TransactionRecord, currency: Currency) -> tuple[Decision, ...]:
    tombstone = record if record.answer is None else _when_tombstone(record)
    failed = Decision(
        subject=Subject.FAILED,
        at=record.recorded_at,
        outcome=OutcomeKind.VOID,
        request=recorded_failed(tombstone, tombstone.reason, tombstone.occurred_at),
        states=(State({}, {}),),
        then=tombstone,
    )
    if record.answer is None:
        return (failed,)
    completed = Decision(
        subject=Subject.COMPLETED,
        at=record.changed_at,
        outcome=OutcomeKind.REFUSED,
        request=recorded_completed(record, None, currency),
        states=(State({}, {record.id: tombstone}),),
        then=record,
    )
    return failed, completed


def _reversed(record: TransactionRecord, recollection: Recollection, *, before: TransactionRecord) -> Decision:
    entries = tuple(map(recollection.entry_of, record.reversal_legs))
    return Decision(
        subject=Subject.FAILED,
        at=record.changed_at,
        outcome=OutcomeKind.REVERSED,
        request=recorded_failed(record, entries[0].description, entries[0].occurred_at),
        states=(_state(map(recollection.wallet_before, record.reversal_legs), before),),
        then=record,
        legs=record.reversal_legs,
        entries=entries,
    )


def _due(record: TransactionRecord, recollection: Recollection) -> Decision:
    before = record._replace(reason=None, dead_letter_id=None, seen=())
    possible = (_possible(leg.user_id, record, recollection) for leg in record.legs)
    return Decision(
        subject=Subject.FAILED,
        at=record.changed_at,
        outcome=OutcomeKind.REVERSAL_DUE,
        request=recorded_failed(record, None, None),
        states=tuple(_state(wallets, before) for wallets in product(*possible)),
        then=record,
        is_exact=bool(record.seen),
    )


def _when_applied(record: TransactionRecord) -> TransactionRecord:
    """Give the record of a transaction as it was before anything was taken back."""
    answer = TransactionFinalized(
        transaction_id=record.id,
        revision=1,
        status=FinalStatus.COMPLETED,
        reason=None,
        user_id=record.initiator_id,
        vocabulary=record.vocabulary,
        finalized_at=record.recorded_at,
    )
    return record._replace(
        state=TransactionState.APPLIED,
        changed_at=record.recorded_at,
        reversal_legs=(),
        answer=answer,
        reason=None,
        due_since=None,
        dead_letter_id=None,
        seen=(),
    )


def _when_tombstone(record: TransactionRecord) -> TransactionRecord:
    """Give what is left of a tombstone that has taken over what its ``completed`` says."""
    return TransactionRecord(
        id=record.id,
        state=TransactionState.VOID,
        vocabulary=record.vocabulary,
        currency=record.currency,
        recorded_at=record.recorded_at,
        changed_at=record.recorded_at,
    )


def _state(wallets: Iterable[PossibleWallet], known: TransactionRecord | None = None) -> State:
    present = {wallet.user_id: wallet for wallet in wallets if wallet is not None}
    return State(present, {} if known is None else {known.id: known})


def _possible(user_id: str, record: TransactionRecord, recollection: Recollection) -> list[PossibleWallet]:
    """Give what the wallet of a party may have been at the last decision, the likeliest first."""
    now = recollection.wallets.get(user_id)
    if any(seen.user_id == user_id and seen.version is None for seen in record.seen):
        return [None if record.reason == WALLET_NOT_FOUND else SuspendedWallet(user_id)]
    if not isinstance(now, Wallet):
        return [now, None] if record.reason == WALLET_NOT_FOUND else [now]
    if any(seen.user_id == user_id for seen in record.seen):
        return [recollection.wallet_at(now, recollection.spans[user_id].likely)]
    return list(_possible_now(now, record, recollection))


def _possible_now(wallet: Wallet, record: TransactionRecord, recollection: Recollection) -> Iterator[PossibleWallet]:
    """Give what may have been instead of a wallet of now, where nobody has kept what was seen."""
    if wallet.opened_at > record.changed_at + UNCERTAINTY:
        yield None
        return
    span = recollection.spans[wallet.user_id]
    versions = [recollection.wallet_at(wallet, version) for version in range(span.first, span.last + 1)]
    least, most = (pick(versions, key=lambda version: version.balance_minor) for pick in (min, max))
    yield from dict.fromkeys((versions[span.likely - span.first], least, most))
    if record.reason == WALLET_NOT_FOUND and wallet.opened_at >= record.changed_at - UNCERTAINTY:
        yield None
    is_of_v1 = wallet.id != wallet_id_of(wallet.user_id, wallet.currency)
    if record.reason == WalletSuspended.reason and is_of_v1:  # it may not have been adopted yet
        yield SuspendedWallet(wallet.user_id)
