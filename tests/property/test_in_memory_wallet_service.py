"""The wallet in memory under the faults that a test may ask for: nothing doubles, nothing is lost, the books add up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from wallet_core.testing import InMemoryWalletService
from wallet_core.testing.events import Event
from wallet_core.testing.facts import Fact
from wallet_core.testing.state_table import StateTable
from wallet_core.testing.strategies import adversarial_histories, hostile_histories

LONG = timedelta(minutes=2)
"""Longer than all retry delays together."""

Fault = Callable[[InMemoryWalletService], None]


def no_fault(_: InMemoryWalletService) -> None:
    """Let the next event come once, and be acked."""


faults: st.SearchStrategy[Fault] = st.sampled_from(
    [no_fault, InMemoryWalletService.lose_next_ack, InMemoryWalletService.deliver_twice]
)


@settings(max_examples=50)
@given(adversarial_histories(), st.data())
def test_what_comes_again_counts_once(history: list[Fact], data: st.DataObject) -> None:
    """Whatever is delivered twice or loses its ack, balances, states and last answers are those of the model."""
    service, table = InMemoryWalletService(), StateTable()

    async def happen() -> None:
        for fact in history:
            data.draw(faults)(service)
            event = fact.event()
            await service.deliver(event.subject, event.message)
            table.post(fact)

    asyncio.run(happen())

    assert table.balances == {wallet.user_id: wallet.balance_minor for wallet in service.store.wallets()}
    assert table.states == {record.id: record.state.value for record in service.store.transactions()}
    assert table.answers == {
        answer.transaction_id: (answer.status.value, answer.revision) for answer in service.finalizations
    }
    assert [] == service.audit()


@settings(max_examples=50)
@given(hostile_histories(), st.integers(0, 2**32))
def test_books_fit_after_any_order(history: list[Event], seed: int) -> None:
    """Whatever comes in whatever order, in the end nothing waits, and the last answers are those of the books."""
    service = InMemoryWalletService()

    async def happen() -> None:
        service.reorder(seed)
        for event in history:
            await service.deliver(event.subject, event.message)
        await service.release()
        service.clock.advance(LONG)

    asyncio.run(happen())

    recorded = {record.id: record.answer for record in service.store.transactions() if record.answer is not None}
    assert recorded == {answer.transaction_id: answer for answer in service.finalizations}
    assert [] == service.waiting
    assert [] == service.audit()
