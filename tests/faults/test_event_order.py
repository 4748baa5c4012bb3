"""Events in any order: what overtakes what must not decide where the money is (T06, T07)."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.faults.stage import Stage
from tests.scenario import failed, signup, topup_v1

ONE_BY_ONE = {"WALLET_BATCH_MAX": "1", "WALLET_PREFETCH": "1"}


@pytest.mark.quick
@pytest.mark.fault("T06", "signup, completed, its duplicate and failed in every order", "all 24 orders, one by one")
async def test_every_order_of_four_events_ends_the_same(stage: Stage) -> None:
    """The wallet is open and empty, and the last that anybody hears is that the transaction failed."""
    async with stage.scene(settings=ONE_BY_ONE) as scene:
        for order in permutations(range(4)):
            user_id, transaction_id = scene.load.new_id(), scene.load.new_id()
            completed = topup_v1(transaction_id, user_id, 5)
            four = (signup(user_id), completed, completed, failed(transaction_id))
            scene.load.balances_minor[user_id] = 0
            scene.load.failed.add(transaction_id)
            await scene.client.send(*(four[index] for index in order))


@pytest.mark.fault("T07", "1,000 events shuffled across wallets", "a seeded shuffle, two processes")
async def test_a_shuffle_of_many_wallets_ends_as_the_model_says(stage: Stage) -> None:
    """Transfers, refusals, reversals, late signups and duplicates in any order give exactly the model's balances."""
    async with stage.scene(services=2, users=40, late=10) as scene:
        await scene.client.send(*scene.load.mixed(1_000))
