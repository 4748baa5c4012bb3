"""The ways of events to the wallet in memory: what waits, what comes twice, what comes in another order."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from wallet_core import DeadLetterReason, FinalStatus, OutcomeKind, RetryAfter
from wallet_core.memory.clock import START
from wallet_core.testing import InMemoryWalletService, TooManyEvents, WalletClock
from wallet_core.testing.traffic import finished

ALL_DELAYS = timedelta(seconds=1 + 5 + 15 + 30)


async def test_a_late_signup_is_waited_for(wallet_service: InMemoryWalletService, wallet_clock: WalletClock) -> None:
    """An event about an unknown wallet waits, and is applied at the end of the delay in which the signup came."""
    assert await wallet_service.complete_topup("t1", "ada", 100) is None
    await wallet_service.signup("ada")
    assert 0 == wallet_service.balance("ada").amount_minor

    wallet_clock.advance(timedelta(minutes=5))

    (answer,) = wallet_service.finalizations
    assert (FinalStatus.COMPLETED, START + timedelta(seconds=1)) == (answer.status, answer.finalized_at)
    assert 100 == wallet_service.balance("ada").amount_minor
    assert START + timedelta(minutes=5) == wallet_clock.now()


async def test_the_wait_ends_with_a_refusal(wallet_service: InMemoryWalletService, wallet_clock: WalletClock) -> None:
    """Nobody signs up: the event takes every delay, and is refused when the last is over."""
    await wallet_service.complete_topup("t1", "ada", 100)
    wallet_clock.advance(ALL_DELAYS - timedelta(milliseconds=1))
    assert [] == wallet_service.finalizations

    wallet_clock.advance(timedelta(milliseconds=1))

    (answer,) = wallet_service.finalizations
    assert (FinalStatus.FAILED, "Wallet not found") == (answer.status, answer.reason)
    assert START + ALL_DELAYS == answer.finalized_at


def test_no_event_loop_is_needed_to_look_and_to_move_the_clock(
    wallet_service: InMemoryWalletService, wallet_clock: WalletClock
) -> None:
    """Only the calls that hand over events are awaited, on whatever loop; a second loop later will do."""
    asyncio.run(wallet_service.complete_topup("t1", "ada", 100))
    asyncio.run(wallet_service.signup("ada"))

    wallet_clock.advance(timedelta(seconds=1))

    assert 100 == wallet_service.balance("ada").amount_minor
    assert 1 == len(wallet_service.statement("ada").entries)
    assert [] == wallet_service.waiting


def test_delays_are_the_deployments(wallet_clock: WalletClock) -> None:
    """Other delays than the default may be set, as in the service."""
    service = InMemoryWalletService(clock=wallet_clock, retry_delays_ms=(20, 30))
    asyncio.run(service.complete_topup("t1", "ada", 100))

    wallet_clock.advance(timedelta(milliseconds=50))

    delays = [handled.settlement for handled in service.handled[:-1]]
    assert [RetryAfter(20), RetryAfter(30)] == delays
    assert OutcomeKind.REFUSED is service.handled[-1].outcome.kind


async def test_a_lost_ack_moves_no_money_twice(wallet_service: InMemoryWalletService) -> None:
    """The event comes again and is answered again, with the same message id and the same bytes."""
    await wallet_service.signup("ada")
    wallet_service.lose_next_ack()

    answer = await wallet_service.complete_topup("t1", "ada", 100)

    assert 100 == wallet_service.balance("ada").amount_minor
    assert [OutcomeKind.APPLIED, OutcomeKind.REPEATED] == _kinds(wallet_service)[1:]
    assert [answer, answer] == wallet_service.finalizations
    first, second = wallet_service.published
    assert (first.message_id, first.body) == (second.message_id, second.body)


async def test_only_the_next_ack_is_lost(wallet_service: InMemoryWalletService) -> None:
    """Later events come once."""
    await wallet_service.signup("ada")
    wallet_service.lose_next_ack()
    await wallet_service.complete_topup("t1", "ada", 100)

    await wallet_service.complete_topup("t2", "ada", 100)

    assert ["t1", "t1", "t2"] == [answer.transaction_id for answer in wallet_service.finalizations]


async def test_what_waits_with_a_lost_ack_waits_twice(
    wallet_service: InMemoryWalletService, wallet_clock: WalletClock
) -> None:
    """It was put into the retry queue before the ack was lost: both copies come back, one is applied."""
    wallet_service.lose_next_ack()
    await wallet_service.complete_topup("t1", "ada", 100)
    assert 2 == len(wallet_service.waiting)
    await wallet_service.signup("ada")

    wallet_clock.advance(timedelta(seconds=1))

    assert [OutcomeKind.APPLIED, OutcomeKind.REPEATED] == _kinds(wallet_service)[-2:]
    assert 100 == wallet_service.balance("ada").amount_minor


async def test_an_event_that_comes_twice_counts_once(wallet_service: InMemoryWalletService) -> None:
    """A producer's retry is answered again; the event after it comes once."""
    await wallet_service.signup("ada")
    wallet_service.deliver_twice()

    await wallet_service.complete_topup("t1", "ada", 100)
    await wallet_service.complete_topup("t2", "ada", 100)

    assert ["t1", "t1", "t2"] == [answer.transaction_id for answer in wallet_service.finalizations]
    assert 200 == wallet_service.balance("ada").amount_minor


async def test_a_reversal_that_stays_due_is_one_dead_letter(
    wallet_service: InMemoryWalletService, wallet_clock: WalletClock
) -> None:
    """The failure comes twice and waits in vain: one letter for a person, and no answer."""
    await wallet_service.signup("ada")
    await wallet_service.signup("ben")
    await wallet_service.complete_topup("t1", "ada", 100)
    await wallet_service.complete_transfer("t2", "ada", "ben", 100)
    wallet_service.deliver_twice()
    await wallet_service.fail("t1")

    wallet_clock.advance(ALL_DELAYS)

    assert [DeadLetterReason.REVERSAL_SHORTFALL] == [letter.reason for letter in wallet_service.dead_letters]
    assert 2 == len(wallet_service.finalizations)


@pytest.mark.parametrize("seed", range(20))
async def test_any_order_ends_alike(
    wallet_service: InMemoryWalletService, wallet_clock: WalletClock, seed: int
) -> None:
    """Whatever order the events come in, once all waits are over the money is where it belongs."""
    wallet_service.reorder(seed)
    await wallet_service.signup("ada")
    await wallet_service.signup("ben")
    await wallet_service.complete_topup("t1", "ada", 100)
    assert await wallet_service.fail("t2") is None
    await wallet_service.complete_topup("t2", "ben", 70)

    await wallet_service.release()
    wallet_clock.advance(timedelta(seconds=1))

    assert [100, 0] == [wallet_service.balance(user_id).amount_minor for user_id in ("ada", "ben")]
    assert [] == wallet_service.audit()


async def _order_of(seed: int) -> list[str | None]:
    service = InMemoryWalletService()
    service.reorder(seed)
    for number in range(8):
        await service.signup(f"user-{number}")
    assert [] == service.handled
    await service.release()
    return [handled.key for handled in service.handled]


async def test_a_seed_chooses_one_order() -> None:
    """The same seed gives the same order, so a failure can be seen again; another seed gives another."""
    orders = [await _order_of(seed) for seed in range(5)]

    assert orders == [await _order_of(seed) for seed in range(5)]
    assert 5 == len(set(map(tuple, orders)))


async def test_release_gives_the_answers_and_ends_the_holding(wallet_service: InMemoryWalletService) -> None:
    """What was held back is answered by the release; what comes after it is answered at once."""
    await wallet_service.signup("ada")
    wallet_service.reorder(1)
    assert await wallet_service.complete_topup("t1", "ada", 100) is None

    released = await wallet_service.release()

    assert ["t1"] == [answer.transaction_id for answer in released]
    assert await wallet_service.complete_topup("t2", "ada", 100) is not None
    assert [] == await wallet_service.release()


async def test_answers_wait_while_the_broker_is_away(wallet_service: InMemoryWalletService) -> None:
    """The books move on without the broker; all answers go out as soon as it is back and something happens."""
    await wallet_service.signup("ada")
    wallet_service.bus.is_away = True
    for number in range(20):
        assert await wallet_service.complete_topup(f"t{number}", "ada", 100) is None
    assert 2_000 == wallet_service.balance("ada").amount_minor

    wallet_service.bus.is_away = False
    await wallet_service.signup("ben")

    assert {f"t{number}" for number in range(20)} == {each.transaction_id for each in wallet_service.finalizations}


async def test_one_wallet_takes_so_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a last event, and the error says what to do."""
    monkeypatch.setattr("wallet_core.testing.traffic.EVENTS_MAX", 2)
    service = InMemoryWalletService()
    await service.signup("ada")
    service.deliver_twice()

    with pytest.raises(TooManyEvents, match="make a new one for each test"):
        await service.signup("ben")


def test_what_waits_for_something_outside_is_an_error() -> None:
    """A store of a neighbour's own that really waits is named, and not left half done."""

    async def waits() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits for something outside"):
        finished(waits())


def _kinds(service: InMemoryWalletService) -> list[OutcomeKind]:
    return [handled.outcome.kind for handled in service.handled]
