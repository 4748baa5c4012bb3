"""The strategies draw what they promise: legal histories succeed, adversarial ones reach every way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.scenario import Scenario
from wallet_core import (
    AMOUNT_MINOR_MAX,
    Currency,
    DeadLetterReason,
    LedgerCorrupted,
    Linked,
    Outcome,
    OutcomeKind,
    Policy,
    Request,
    SetAside,
    Shortfall,
    post_all,
    request_of,
)
from wallet_core.testing.events import ALICE, BOB, CAROL, USD, Event, transaction_id
from wallet_core.testing.facts import Completed, Fact, Failed, SignedUp
from wallet_core.testing.state_table import StateTable
from wallet_core.testing.strategies import (
    EFFECTIVE,
    FUNDED,
    adversarial_histories,
    commands,
    hostile_histories,
    legal_histories,
)

T = TypeVar("T")

EXAMPLES = 250
FOUND = settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
"""The same examples each time: what is found among them is found always."""


@given(legal_histories())
def test_each_step_of_a_legal_history_succeeds(history: list[Fact]) -> None:
    """Every signup opens a wallet, every transaction is applied, and every failure takes it back."""
    scenario = Scenario()

    assert {scenario.post_one(fact.event()).kind for fact in history} <= {OutcomeKind(kind) for kind in EFFECTIVE}


@given(legal_histories(opening_minor=250))
def test_a_legal_history_may_begin_with_an_opening_balance(history: list[Fact]) -> None:
    """What a new wallet begins with may be spent."""
    scenario = Scenario(Policy(USD, opening_balance_minor=250))

    assert {scenario.post_one(fact.event()).kind for fact in history} <= {OutcomeKind(kind) for kind in EFFECTIVE}


def test_legal_histories_do_all_that_is_legal() -> None:
    """Among them are top-ups, transfers of all that there is, and reversals of both."""
    found: set[str] = set()

    @FOUND
    @given(legal_histories())
    def look(history: list[Fact]) -> None:
        table = StateTable()
        for fact in history:
            if isinstance(fact, Failed):
                found.add("top-up reversed" if table.completed[fact.id].sender_id is None else "transfer reversed")
            table.post(fact)
            if isinstance(fact, Completed) and fact.sender_id is not None and not table.balances[fact.sender_id]:
                found.add("all sent")

    look()

    assert found == {"top-up reversed", "transfer reversed", "all sent"}


def outcomes_among(histories: st.SearchStrategy[Sequence[Event]], wanted: Callable[[Outcome], T]) -> set[T]:
    """Post many histories, event by event, and give what ``wanted`` sees of their outcomes."""
    found: set[T] = set()

    @FOUND
    @given(histories)
    def look(history: Sequence[Event]) -> None:
        scenario = Scenario()
        for event in history:
            if not isinstance(request_of(event.subject, event.message, USD), SetAside):
                found.add(wanted(scenario.post_one(event)))

    look()
    return found


def events_of(history: Sequence[Fact]) -> Sequence[Event]:
    """Give the events of facts."""
    return [fact.event() for fact in history]


def test_adversarial_histories_end_in_every_way() -> None:
    """Duplicates, unknown users, early failures, overdrafts, reused ids: every outcome comes up, and every refusal."""
    found = outcomes_among(adversarial_histories().map(events_of), lambda outcome: (outcome.kind, outcome.reason))

    assert {kind for kind, _ in found} == set(OutcomeKind)
    assert {reason for kind, reason in found if kind in (OutcomeKind.REFUSED, OutcomeKind.SET_ASIDE)} == {
        "Insufficient balance",
        "Balance limit exceeded",
        "Transaction failed before it completed",
        "Cannot transfer to the same wallet",
        "another completed with this transactionId is recorded",
    }


def test_hostile_histories_make_no_sense_in_every_way() -> None:
    """Among them are fields that cannot be read, amounts of another currency, versions from the future, other facts."""
    reasons = outcomes_among(hostile_histories(), lambda outcome: str(outcome.dead_letter or outcome.reason))

    assert reasons >= {
        DeadLetterReason.KEY_REUSED,
        DeadLetterReason.UNSUPPORTED_VERSION,
        "Unknown transaction type",
        "Invalid recipient",
        "Invalid amount: more than 2 decimal places",
        "Invalid amount: must be greater than zero",
        "Invalid amount: not a number",
        f"Invalid amount: more than {AMOUNT_MINOR_MAX // 100}.00 USD",
    }


def test_commands_are_of_every_kind() -> None:
    """Signups, credits, debits and reversals are asked for, and some carry an objection."""
    found: set[str] = set()

    @FOUND
    @given(commands())
    def look(command: Request) -> None:
        legs = command.legs if isinstance(command, Linked) else ()
        found.update({type(command).__name__, *(type(leg).__name__ for leg in legs)})
        found.add("objection" if command.objection else "no objection")

    look()

    assert found == {"OpenWallet", "Linked", "Reverse", "Credit", "Debit", "objection", "no objection"}


@given(commands(Currency("KWD", 3)))
def test_commands_of_another_currency_are_a_mismatch(command: Request) -> None:
    """On wallets of another currency nothing is posted: it is refused as impossible, or nothing was to be posted."""
    scenario = Scenario()
    scenario.post(*events_of(FUNDED))
    before = [(wallet.user_id, wallet.version) for wallet in scenario.store.wallets()]

    with suppress(LedgerCorrupted):
        asyncio.run(post_all([command], scenario.store, scenario.clock, Policy(Currency("KWD", 3))))

    known = [user_id for user_id, _ in before]
    assert before == [(w.user_id, w.version) for w in scenario.store.wallets() if w.user_id in known]


def test_the_model_ends_an_overdraft_where_the_wallet_does() -> None:
    """A reversal takes a balance as far below zero as it may be above, and no further; the model says the same."""
    ids = list(map(transaction_id, range(4)))
    spent_twice = [
        step
        for topup_id, transfer_id, recipient_id in ((ids[0], ids[1], BOB), (ids[2], ids[3], CAROL))
        for step in (
            Completed(topup_id, None, ALICE, AMOUNT_MINOR_MAX),
            Completed(transfer_id, ALICE, recipient_id, AMOUNT_MINOR_MAX),
        )
    ]
    history: list[Fact] = [*map(SignedUp, (ALICE, BOB, CAROL)), *spent_twice, Failed(ids[0]), Failed(ids[2])]
    scenario, table = Scenario(Policy(USD, shortfall=Shortfall.OVERDRAW)), StateTable(may_overdraw=True)

    outcomes = [scenario.post_one(fact.event()).kind for fact in history]

    assert outcomes == [table.post(fact) for fact in history]
    assert outcomes[-2:] == [OutcomeKind.REVERSED, OutcomeKind.REVERSAL_DUE]
    assert scenario.balance(ALICE) == table.balances[ALICE] == -AMOUNT_MINOR_MAX
