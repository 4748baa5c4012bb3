"""The laws of the wallet: what holds for every history of events, whatever their number, order and content."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.consumer import Consumer
from tests.property.json_texts import json_messages
from tests.scenario import BOB, USD, Event, Scenario
from wallet_core import (
    AMOUNT_MINOR_MAX,
    Currency,
    Delivery,
    Direction,
    EntryKind,
    InvalidAmount,
    Linked,
    Money,
    OpenWallet,
    Outcome,
    OutcomeKind,
    Policy,
    Reverse,
    SetAside,
    Shortfall,
    Subject,
    TransactionState,
    request_of,
)
from wallet_core.testing.books import check_books, check_legs
from wallet_core.testing.facts import Fact
from wallet_core.testing.state_table import StateTable
from wallet_core.testing.strategies import (
    adversarial_histories,
    batches_of,
    currencies,
    hostile_histories,
    money,
    not_amounts,
    policies,
    written_amounts,
)


def signups_first(batch: Sequence[Event]) -> list[Event]:
    """Order a batch as it is decided: signups first."""
    return sorted(batch, key=lambda event: event.subject is not Subject.SIGNUP)


def usable(history: Sequence[Event]) -> list[Event]:
    """Leave out what has no usable id: it never reaches the posting."""
    return [e for e in history if not isinstance(request_of(e.subject, e.message, USD), SetAside)]


def last_answers(scenario: Scenario) -> dict[str, tuple[str, int]]:
    """Give the recorded answers: status and revision."""
    answers = (record.answer for record in scenario.store.transactions())
    return {answer.transaction_id: (answer.status.value, answer.revision) for answer in answers if answer is not None}


@given(adversarial_histories(), policies())
def test_any_order_ends_in_the_state_table(history: list[Fact], policy: Policy) -> None:
    """Completed, failed and duplicates in any order end as the table says, event by event."""
    scenario = Scenario(policy)
    table = StateTable(policy.shortfall is Shortfall.OVERDRAW, policy.opening_balance_minor)

    for fact in history:
        assert table.post(fact) == scenario.post_one(fact.event()).kind

    assert table.balances == {wallet.user_id: wallet.balance_minor for wallet in scenario.store.wallets()}
    assert table.answers == last_answers(scenario)
    states = {record.id: record.state.value for record in scenario.store.transactions() if ":" not in record.id}
    assert table.states == states


@given(hostile_histories(), st.data(), policies())
def test_batched_is_one_by_one(history: list[Event], data: st.DataObject, policy: Policy) -> None:
    """A batch gives what its events give one by one, signups first: outcomes, books, and what readers believe."""
    batched, alone = Scenario(policy), Scenario(policy)

    for batch in data.draw(batches_of(usable(history))):
        together = batched.post(*batch)
        one_by_one: dict[int, list[Outcome]] = {id(event): [] for event in batch}
        for event in signups_first(batch):
            one_by_one[id(event)].append(alone.post_one(event))
        assert list(together) == [one_by_one[id(event)].pop(0) for event in batch]

    assert alone.final_state() == batched.final_state()
    for scenario in (batched, alone):
        scenario.publish_all()
    assert alone.v1_reader.last == batched.v1_reader.last
    assert alone.documented_reader.last == batched.documented_reader.last


@given(hostile_histories(), policies())
def test_replay_changes_nothing_but_answers(history: list[Event], policy: Policy) -> None:
    """When everything that has ended arrives again, in any number, the books stay as they are."""
    scenario = Scenario(policy)
    history = usable(history)
    for _ in range(2):
        scenario.post(*history, wait_is_over=True)
    due = {record.id for record in scenario.store.transactions() if record.state is TransactionState.REVERSAL_DUE}
    ended = [event for event in history if str(event.message.get("transactionId")).lower() not in due]
    assume(ended)
    before = scenario.final_state()
    scenario.publish_all()

    again = scenario.post(*ended, wait_is_over=True)

    assert before == scenario.final_state()
    assert {outcome.kind for outcome in again} <= {OutcomeKind.REPEATED, OutcomeKind.NOTHING, OutcomeKind.SET_ASIDE}
    repeated = {e.message["transactionId"] for e, o in zip(ended, again, strict=True) if o.kind is OutcomeKind.REPEATED}
    assert repeated == {body["transactionId"] for body in scenario.publish_all()}


@given(hostile_histories(), st.data(), policies())
def test_books_always_add_up(history: list[Event], data: st.DataObject, policy: Policy) -> None:
    """Whatever happens, and wherever the clock jumps, money is conserved and every chain verifies."""
    scenario = Scenario(policy)

    for batch in data.draw(batches_of(usable(history))):
        scenario.post(*batch)
        scenario.clock.advance(timedelta(seconds=data.draw(st.integers(-100, 100))))
        check_books(scenario.final_state(), may_overdraw=policy.shortfall is Shortfall.OVERDRAW)
    check_legs(scenario.final_state())


@given(hostile_histories(), st.data())
def test_last_answer_read_is_the_one_in_the_books(history: list[Event], data: st.DataObject) -> None:
    """Whenever the relay runs, and whatever the broker refuses, readers end up believing the books."""
    scenario = Scenario()

    for batch in data.draw(batches_of(usable(history))):
        scenario.post(*batch)
        scenario.bus.is_away = data.draw(st.booleans())
        scenario.publish()
    scenario.bus.is_away = False
    scenario.publish_all()

    read = scenario.v1_reader.last | scenario.documented_reader.last
    believed = {id_: "completed" if answer.is_completed else "failed" for id_, answer in read.items()}
    assert {id_: status for id_, (status, _) in last_answers(scenario).items()} == believed


@given(hostile_histories())
def test_only_reversals_go_below_zero(history: list[Event]) -> None:
    """With overdraft allowed, nothing but a reversal lowers a balance below zero."""
    scenario = Scenario(Policy(USD, shortfall=Shortfall.OVERDRAW))
    scenario.post(*usable(history))

    for wallet in scenario.store.wallets():
        for entry in scenario.store.entries_of(wallet.id):
            if entry.balance_after_minor < 0 and entry.direction is Direction.DEBIT:
                assert EntryKind.REVERSAL is entry.kind


finite_decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.sampled_from([0, 0, 0, 1]),
    st.lists(st.integers(0, 9), min_size=1, max_size=40).map(tuple),
    st.integers(-45, 20),
)


@given(finite_decimals | st.integers(-(10**17), 10**17) | st.integers(1, 10**12), currencies())
def test_amounts_agree_with_fractions(value: Decimal | int, currency: Currency) -> None:
    """A number is an amount exactly if it is a whole count of minor units from 1 to 10^15: that count."""
    exact = Fraction(value) * 10**currency.exponent

    try:
        amount_minor = Money.from_major(value, currency).amount_minor
    except InvalidAmount:
        assert exact.denominator != 1 or not 0 < exact <= AMOUNT_MINOR_MAX
    else:
        assert exact == amount_minor
        assert 0 < amount_minor <= AMOUNT_MINOR_MAX


@given(st.data(), currencies())
def test_every_way_to_write_an_amount_is_read(data: st.DataObject, currency: Currency) -> None:
    """What is written in major units is read back to the cent: with zeros behind it, with an exponent, or as an int."""
    amount = data.draw(money(currency))

    written = data.draw(written_amounts(amount))

    assert amount == Money.from_major(written, currency)
    assert Fraction(amount.amount_minor, 10**currency.exponent) == Fraction(written)


@given(st.data(), currencies())
def test_what_is_no_amount_is_refused(data: st.DataObject, currency: Currency) -> None:
    """Nothing else is taken for an amount: no text, no float, nothing of too many decimals, nothing out of bounds."""
    value = data.draw(not_amounts(currency))

    with pytest.raises(InvalidAmount):
        Money.from_major(value, currency)


@given(st.sampled_from(Subject), json_messages)
def test_any_json_is_read_or_set_aside(subject: Subject, text: str) -> None:
    """A JSON object of any shape becomes a request or is set aside, and never takes long."""
    message = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    started_s = time.process_time()

    request = request_of(subject, message, USD)

    assert isinstance(request, OpenWallet | Linked | Reverse | SetAside)
    assert request == request_of(subject, message, USD)
    assert time.process_time() - started_s < 1


@given(st.lists(st.tuples(st.sampled_from(Subject), json_messages, st.integers(0, 5)), max_size=8))
def test_any_batch_of_json_is_settled(bodies: list[tuple[Subject, str, int]]) -> None:
    """A batch of any JSON objects is handled whole: each delivery is settled, and the books add up."""
    consumer = Consumer()
    consumer.post(Event(Subject.COMPLETED, {"transactionId": "seed", "type": "topup", "userId": BOB, "amount": 3}))
    deliveries = [
        Delivery(subject, json.loads(text, parse_float=Decimal, parse_int=Decimal), attempts)
        for subject, text, attempts in bodies
    ]

    handled = consumer.deliver(*deliveries)

    assert len(deliveries) == len(handled)
    assert all(len(result.outcome.reason or "") <= 500 for result in handled)
    check_books(consumer.final_state(), may_overdraw=False)
    consumer.publish_all()
