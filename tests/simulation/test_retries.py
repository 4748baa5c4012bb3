"""T09, T10, T15: how often and when an event is tried again, and where it ends when that does not help."""

from __future__ import annotations

import re

import pytest

from tests.consumer import Consumer, topup_number
from tests.scenario import ALICE, BOB, Event, failed, signup, topup, transaction_id, transfer
from tests.simulation.calm_story import calm_run
from tests.simulation.simulation import Run
from tests.simulation.story import Misfortune, MisfortuneKind
from tests.simulation.workload import POISON_FIRST
from wallet_core import Ack, ConcurrentUpdate, DeadLetter, DeadLetterReason, StoreUnavailable
from wallet_core.settlement import RETRY_DELAYS_MS

T, OTHER = transaction_id(1), transaction_id(2)
POISON = topup(transaction_id(POISON_FIRST), ALICE, 1)
DELAYS_S = [delay_ms / 1_000 for delay_ms in RETRY_DELAYS_MS]
TRANSIENT = [
    StoreUnavailable("away"),
    ConcurrentUpdate("lost every race"),
    TimeoutError("slow"),
    ConnectionResetError("cut"),
]


def parks_of(run: Run, number: int) -> list[str]:
    """Give how the event with this number was parked, in order: the delay in seconds, or the reason."""
    lines = re.findall(rf"broker\.park #{number} (?:\(attempt \d+\) )?(?:for (\S+) s|as \S+: (\S+))", run.trace)
    return [delay_s or reason for delay_s, reason in lines]


def commits(run: Run, outcome: str) -> list[float]:
    """Give the times, in seconds, of the commits in which something ended so."""
    return [float(line.split()[0]) for line in run.trace.splitlines() if "store.commit" in line and outcome in line]


def test_an_event_that_always_raises_is_tried_twice_alone_and_set_aside() -> None:
    """T09: with its batch, with ever smaller parts of it, and twice alone; its neighbours have ended by then."""
    consumer = Consumer()
    consumer.poison(2)
    runs = consumer.faults.runs

    handled = consumer.handle(topup_number(1), topup_number(2), topup_number(3))

    tries_together, tries_of_neighbours, tries_alone = 2, 2, 2
    assert tries_together + tries_of_neighbours + tries_alone == consumer.faults.runs - runs
    assert [Ack(), Ack()] == [handled[0].settlement, handled[2].settlement]
    assert DeadLetter(DeadLetterReason.ISOLATED_ERROR, "StoreRejected: validator: 2") == handled[1].settlement


def test_an_event_that_always_raises_delays_nobody() -> None:
    """T09: in a running process, the event after it is posted within a second of virtual time."""
    run = calm_run({0: (signup(ALICE),), 1_000: (POISON, topup(T, ALICE, 1)), 1_100: (topup(OTHER, ALICE, 1),)})

    assert () == run.violations
    assert ["isolated_error"] == parks_of(run, 2)
    assert [1.0, 1.1] == [round(at_s, 1) for at_s in commits(run, "applied")]


def test_an_unknown_wallet_is_waited_for_with_the_delays_of_the_policy() -> None:
    """T09: each delay once; the last one again in the first minute of the process; then it is refused."""
    run = calm_run({0: (topup(T, ALICE, 1),)})

    assert () == run.violations
    assert [*DELAYS_S, DELAYS_S[-1]] == [float(delay_s) for delay_s in parks_of(run, 1)]
    assert [sum(DELAYS_S) + DELAYS_S[-1]] == commits(run, "refused")


def test_a_reversal_that_stays_due_is_tried_with_the_delays_of_the_policy() -> None:
    """T09: each delay once, then one dead letter, with the reason of its own."""
    spent = (topup(T, ALICE, 1), transfer(OTHER, ALICE, BOB, 1))

    run = calm_run({0: (signup(ALICE), signup(BOB)), 1_000: spent, 2_000: (failed(T),)})

    assert () == run.violations
    *delays, reason = parks_of(run, 5)
    assert (DELAYS_S, "reversal_shortfall") == ([float(delay_s) for delay_s in delays], reason)


@pytest.mark.parametrize("times", [1, 2, 5, 20])
@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
def test_what_raises_some_times_and_then_works_is_applied_once(error: Exception, times: int) -> None:
    """T10: a transient error is raised each time it comes, is never held against the event, and has no effect."""
    consumer = Consumer()
    consumer.faults.errors = [error] * times
    runs = consumer.faults.runs

    for _ in range(times):
        with pytest.raises((StoreUnavailable, ConcurrentUpdate)):
            consumer.handle(topup_number(1))
    (handled,) = consumer.handle(topup_number(1))

    assert ("applied", Ack()) == (handled.outcome.kind, handled.settlement)
    assert (times + 1, 100) == (consumer.faults.runs - runs, consumer.balance(ALICE))
    assert len(consumer.entries(ALICE)) == 1


@pytest.mark.parametrize("away_ms", [500, 10_000, 75_000])
def test_an_outage_is_waited_out_and_nothing_is_parked(away_ms: int) -> None:
    """T10: however long the database is away, the event is applied once, soon after, and never takes a retry queue."""
    outage = Misfortune(1_000, MisfortuneKind.DATABASE_AWAY, 1, away_ms)

    run = calm_run({0: (signup(ALICE),), 1_500: (topup(T, ALICE, 1),)}, outage)

    (applied_s,) = commits(run, "applied")
    assert () == run.violations
    assert [] == parks_of(run, 2)
    assert 0 <= applied_s - max(1.5, 1 + away_ms / 1_000) <= 5.1


@pytest.mark.parametrize(
    "event",
    [signup(ALICE), topup(T, ALICE, 1), failed(T)],
    ids=lambda event: event.subject.value,
)
def test_an_event_of_a_later_version_is_not_an_error(event: Event) -> None:
    """T15: it is set aside for what it is, at its first try, and is no error of ours; the next event goes on."""
    run = calm_run({0: (event.but(version="2.0"), signup(BOB)), 1_000: (topup(OTHER, BOB, 1),)})

    assert () == run.violations
    assert ["unsupported_version"] == parks_of(run, 1)
    assert 1 == len(commits(run, "applied"))
