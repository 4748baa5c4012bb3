"""What must be true when all is quiet: everything that was sent has ended, and the books are those of the model."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from tests.simulation.accounting import is_in_books
from tests.simulation.broker import SimulatedBroker
from tests.simulation.database import SimulatedDatabase
from tests.simulation.story import Story
from tests.simulation.watch import Watch
from tests.simulation.workload import CAN_PAY, HOSTILE_IDS
from wallet_core import Linked, Reverse, SetAside, Shortfall, Subject, TransactionState, request_of
from wallet_core.body import answer_body
from wallet_core.posting import WALLET_NOT_FOUND
from wallet_core.testing.books import check_books, check_legs, copy_of


class Ended(Protocol):
    """A run that is over."""

    story: Story
    store: SimulatedDatabase
    broker: SimulatedBroker
    watch: Watch


def check_ending(ended: Ended) -> None:
    """Blame whatever does not fit."""
    _check_all_ended(ended)
    _check_answers(ended)
    _check_rebuild(ended)
    _check_once(ended)
    if ended.watch.has_model:
        _check_model(ended)
    if ended.story.temper in CAN_PAY:
        _check_sums(ended)


def _check_all_ended(ended: Ended) -> None:
    """I3: every event is in the books or among the dead letters; a reversal that is due has one dead letter."""
    letters = {letter.sent.number for letter in ended.broker.dead_letters}
    for sent in ended.story.sent:
        if sent.number not in letters and not is_in_books(sent, ended.store):
            ended.watch.blame("I3 nothing lost", f"{sent} is neither in the books nor among the dead letters")
    for record in ended.store.transactions():
        if record.state is not TransactionState.REVERSAL_DUE:
            continue
        ids = {letter.id for letter in ended.broker.dead_letters if letter.is_about(record.id)}
        if ids != {record.dead_letter_id}:
            ended.watch.blame(
                "I3 one dead letter", f"{record.id} names {record.dead_letter_id}, there are {sorted(ids)}"
            )


def _check_answers(ended: Ended) -> None:
    """
    I4: of every recorded answer the latest was published, and was the last to be.

    Not promised, and so excused: a relay that freezes on the way to the broker, sleeps past its lease, publishes what
    has grown old meanwhile, and is killed before it can compare it with the books.
    """
    for record in ended.store.transactions():
        if record.answer is None:
            continue
        last = ended.watch.published.get(record.id)
        if last is None:
            ended.watch.blame("I4 no zombie", f"the answer of {record.id} was never published")
        elif last.body != answer_body(record.answer) and not (
            last.is_late and last.publisher in ended.watch.died_in_doubt
        ):
            text = f"the last answer about {record.id} is revision {last.revision} by {last.publisher}"
            ended.watch.blame("I4 last answer", f"{text}, the books say revision {record.revision}")


def _check_rebuild(ended: Ended) -> None:
    """I1, I6, I12: the entries give the balances, versions and seals again, and the audit finds nothing."""
    try:
        check_books(copy_of(ended.store), may_overdraw=ended.story.policy.shortfall is Shortfall.OVERDRAW)
        check_legs(copy_of(ended.store))
    except AssertionError as error:
        ended.watch.blame("I6 rebuild", str(error) or "the entries do not give the books")
    findings, _ = ended.store.audit()
    for finding in findings:
        ended.watch.blame("I6 rebuild", f"{finding.check} {finding.subject}: {finding.text}")


def _check_once(ended: Ended) -> None:
    """I2: a transaction has at most one entry of a kind in a wallet."""
    entries = [entry for wallet in ended.store.wallets() for entry in ended.store.entries_of(wallet.id)]
    counts = Counter((entry.transaction_id, entry.wallet_id, entry.kind.value) for entry in entries)
    for key, count in counts.items():
        if count > 1:
            ended.watch.blame("I2 once", f"{key} has {count} entries")


def _check_model(ended: Ended) -> None:
    """The books are those of the state table after the same requests, one by one, in the order of the commits."""
    table, store = ended.watch.table, ended.store
    balances = {wallet.user_id: wallet.balance_minor for wallet in store.wallets()}
    known = [record for record in store.transactions() if ":" not in record.id and record.id not in HOSTILE_IDS]
    states = {record.id: record.state.value for record in known}
    answers = {record.id: (str(record.answer.status), record.revision) for record in known if record.answer is not None}
    for name, expected, actual in (
        ("balances", table.balances, balances),
        ("states", table.states, states),
        ("answers", table.answers, answers),
    ):
        if expected != actual:
            ended.watch.blame("I2 as the model", f"{name} are {actual}, the state table says {expected}")


def _check_sums(ended: Ended) -> None:
    """
    I1: where everybody can pay, the balances follow from what was sent alone, whatever the order was.

    Except for one thing: a process does not see a signup that another one has in hand, so with several processes a
    transaction may have ended in ``Wallet not found`` (more is promised only for what waits in the queue).
    """
    policy = ended.story.policy
    requests = [
        request_of(sent.subject, sent.message, policy.currency)
        for sent in ended.story.sent
        if not isinstance(sent.message, SetAside)
    ]
    failed = {request.transaction_id for request in requests if isinstance(request, Reverse)}
    if ended.story.processes > 1:
        failed |= {record.id for record in ended.store.transactions() if record.reason == WALLET_NOT_FOUND}
    moved = {
        request.transaction_id: request
        for request in requests
        if isinstance(request, Linked) and request.transaction_id not in failed
    }
    signed_up = [sent.message for sent in ended.story.sent if sent.subject is Subject.SIGNUP]
    expected = {
        str(message["userId"]): policy.opening_balance_minor for message in signed_up if isinstance(message, dict)
    }
    for request in moved.values():
        for user_id, minor in _movements(request).items():
            expected[user_id] += minor
    actual = {wallet.user_id: wallet.balance_minor for wallet in ended.store.wallets()}
    if expected != actual:
        ended.watch.blame("I1 conservation", f"balances are {actual}, what was sent makes them {expected}")


def _movements(request: Linked) -> dict[str, int]:
    minor = request.amount_minor or 0
    return ({request.sender_id: -minor} if request.sender_id else {}) | {str(request.recipient_id): minor}
