"""The relay's walk through the outbox: what nobody takes holds up no other, and nothing is forgotten behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.scenario import ALICE, Scenario, topup, transaction_id
from wallet_core import Relay, Round, TransactionFinalized
from wallet_core.relay import ROUNDS_BEHIND_MAX, ROWS_PER_ROUND_MAX


class Outbox(Scenario):
    """An outbox with one answer in each row, and a broker that takes all but those with a ``refused`` number."""

    def __init__(self) -> None:
        """Start with nothing to publish."""
        super().__init__()
        self.open(ALICE)
        self.refused: set[int] = set()
        self.published: list[int] = []
        self.relay = Relay(self.store, self, "relay-1", self.clock.monotonic_s)

    async def publish_many(self, answers: Sequence[TransactionFinalized]) -> Sequence[bool]:
        """Publish what is not refused."""
        numbers = [int(answer.transaction_id[1:], 16) for answer in answers]
        self.published += [number for number in numbers if number not in self.refused]
        return [number not in self.refused for number in numbers]

    def add(self, *numbers: int) -> None:
        """Put answers into the outbox."""
        for number in numbers:
            self.post(topup(transaction_id(number), ALICE, 1))

    def rounds(self, count: int) -> list[Round]:
        """Let the relay do so many rounds."""
        return [asyncio.run(self.relay.publish_pending()) for _ in range(count)]


@pytest.fixture
def outbox() -> Outbox:
    """An empty outbox."""
    return Outbox()


@pytest.mark.parametrize("poisoned", [1, ROWS_PER_ROUND_MAX, 3 * ROWS_PER_ROUND_MAX])
def test_answer_that_nobody_takes_holds_up_no_other(outbox: Outbox, poisoned: int) -> None:
    """However many of the oldest answers can never be published, all behind them are, those that come later too."""
    outbox.refused = set(range(poisoned))
    outbox.add(*range(40))

    outbox.rounds(40)
    first = sorted(outbox.published)
    outbox.add(*range(40, 60))
    outbox.rounds(20)

    assert list(range(poisoned, 40)) == first
    assert list(range(poisoned, 60)) == sorted(outbox.published)
    assert poisoned == outbox.backlog()


def test_poison_amid_others_holds_up_no_other(outbox: Outbox) -> None:
    """What is behind several patches of answers that nobody takes is published."""
    outbox.refused = {*range(4), *range(12, 20), *range(25, 28)}
    outbox.add(*range(60))

    outbox.rounds(40)

    assert sorted({*range(60)} - outbox.refused) == sorted(outbox.published)


def test_answer_that_was_not_taken_is_tried_again(outbox: Outbox) -> None:
    """What could not be published goes out once it can, although there is always more behind it."""
    outbox.refused = {0}
    outbox.add(*range(10 * ROWS_PER_ROUND_MAX))
    for number in range(1_000, 1_000 + 2 * ROUNDS_BEHIND_MAX):
        outbox.add(*range(ROWS_PER_ROUND_MAX * number, ROWS_PER_ROUND_MAX * (number + 1)))
        outbox.rounds(1)
    outbox.refused = set()

    for number in range(2_000, 2_000 + ROUNDS_BEHIND_MAX + 1):
        outbox.add(*range(ROWS_PER_ROUND_MAX * number, ROWS_PER_ROUND_MAX * (number + 1)))
        outbox.rounds(1)

    assert 0 in outbox.published


@pytest.mark.parametrize("vain_rounds", range(12))
def test_answers_go_out_in_order_after_an_outage(outbox: Outbox, vain_rounds: int) -> None:
    """When the broker is back after vain rounds, one round of answers at most goes out before its time."""
    outbox.refused = set(range(60))
    outbox.add(*range(60))
    outbox.rounds(vain_rounds)
    outbox.refused = set()

    outbox.rounds(20)

    early = set(outbox.published[: outbox.published.index(0)])
    assert len(early) <= ROWS_PER_ROUND_MAX
    assert sorted(set(range(60)) - early) == [number for number in outbox.published if number not in early]
    assert 0 == outbox.backlog()


def test_few_answers_are_tried_once_in_a_round(outbox: Outbox) -> None:
    """With nothing behind them, refused answers are tried once a round, and each round says so: the loop backs off."""
    outbox.refused = set(range(ROWS_PER_ROUND_MAX))
    outbox.add(*outbox.refused)

    assert {Round(is_holder=True, unpublished=ROWS_PER_ROUND_MAX)} == set(outbox.rounds(5))
