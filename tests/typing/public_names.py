"""
The types of the core's public names, as a neighbour's type checker sees them. Checked, never run.

``nox -s types`` checks this folder with mypy and with pyright. Both must agree with every ``assert_type``, and each
``type: ignore`` must silence something in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import assert_type

from wallet_core import (
    Currency,
    Delivery,
    Entry,
    FinalStatus,
    Handled,
    Intake,
    Linked,
    Money,
    OpenWallet,
    Outcome,
    OutcomeKind,
    Plan,
    Policy,
    Relay,
    Request,
    Reverse,
    Round,
    SetAside,
    Settlement,
    State,
    Statement,
    Subject,
    SuspendedWallet,
    TransactionFinalized,
    TransactionRecord,
    Wallet,
    balance,
    finalized_message,
    message_id_of,
    plan,
    post_all,
    request_of,
    settlement_of,
    statement,
)
from wallet_core.memory import ManualClock, MemoryBus, MemoryStore
from wallet_core.ports import (
    Clock,
    EventBus,
    PendingAnswers,
    Reader,
    StatementQuery,
    UnitOfWork,
)

USD = Currency("USD", 2)


def money(value: Decimal) -> None:
    """An amount is read, never rounded, and cannot be changed."""
    amount = Money.from_major(value, USD)
    assert_type(amount, Money)
    assert_type(amount.amount_minor, int)
    assert_type(amount.major, Decimal)
    amount.amount_minor = 1  # type: ignore[misc]
    Money("100", USD)  # type: ignore[arg-type]
    Currency("USD")  # type: ignore[call-arg]


def decisions(requests: Sequence[Request], state: State, policy: Policy, now: datetime) -> None:
    """A decision is a plain function of plain values."""
    made = plan(requests, state, policy, now)
    assert_type(made, Plan)
    assert_type(made.outcomes, tuple[Outcome, ...])
    for outcome in made.outcomes:
        assert_type(outcome.kind, OutcomeKind)
        assert_type(outcome.reason, str | None)
        assert_type(settlement_of(outcome, 0, (1_000,)), Settlement)


def messages(message: dict[str, object], answer: TransactionFinalized) -> None:
    """A message becomes a request or is set aside; an answer becomes a message."""
    request = request_of(Subject.COMPLETED, message, USD)
    assert_type(request, OpenWallet | Linked | Reverse | SetAside)
    assert_type(answer.status, FinalStatus)
    assert_type(finalized_message(answer), dict[str, str | int | bool])
    assert_type(message_id_of(answer), str)
    request_of("transaction.completed", message, USD)  # type: ignore[arg-type]


async def adapters(policy: Policy, query: StatementQuery) -> None:
    """The adapters in memory fit the ports, and the core fits them."""
    clock = ManualClock()
    store, bus = MemoryStore(clock), MemoryBus(clock)
    units: UnitOfWork = store
    reader: Reader = store
    pending: PendingAnswers = store
    answers: EventBus = bus
    time: Clock = clock
    intake = Intake(units, time, policy, bus)
    assert_type(await intake.handle([Delivery(Subject.SIGNUP, {"userId": "ada"})]), tuple[Handled, ...])
    assert_type(await post_all([], units, time, policy), tuple[Outcome, ...])
    assert_type(await Relay(pending, answers, "relay", clock.monotonic_s).publish_pending(), Round)
    assert_type(await balance(reader, "ada"), Wallet | None)
    assert_type(await statement(reader, query), Statement | None)
    Intake(bus, time, policy, bus)  # type: ignore[arg-type]


def books(wallet: Wallet, entry: Entry, record: TransactionRecord, kept: Wallet | SuspendedWallet) -> None:
    """What the books hold is typed to the last field."""
    assert_type(wallet.balance_minor, int)
    assert_type(wallet.after(entry), Wallet)
    assert_type(entry.occurred_at, datetime | None)
    assert_type(record.answer, TransactionFinalized | None)
    if isinstance(kept, SuspendedWallet):
        assert_type(kept.user_id, str)
        kept.credit(1)  # type: ignore[attr-defined]
