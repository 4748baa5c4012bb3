"""Signups that come late: after an outage of ours they wait in their queue, beside the top-ups that need them."""

from __future__ import annotations

import pytest

from tests.faults.stage import Stage
from wallet_core.posting import WALLET_NOT_FOUND

USERS = 50_000

REST_S = 400.0
"""How long 100,000 waiting events may take, with retries on two cores."""


@pytest.mark.timeout(600)
@pytest.mark.fault(
    "T17",
    "50,000 signups and their top-ups wait after an outage",
    "all published before the first start, the top-ups first; waits of 50 ms to 5 s",
)
async def test_an_outage_of_ours_refuses_nobody_whose_signup_waits(stage: Stage) -> None:
    """However many signups and top-ups wait at the start, each wallet is opened and topped up, and none is refused."""
    async with stage.scene(users=USERS, late=0, started=False, rest_s=REST_S) as scene:
        signups_and_topups = scene.load.opening()
        await scene.client.send(*signups_and_topups[USERS:], *signups_and_topups[:USERS])

        await scene.start()
        await scene.answered(REST_S)

        assert 0 == scene.books["transactions"].count_documents({"reason": WALLET_NOT_FOUND})
        assert USERS == scene.books["wallets"].count_documents({})
