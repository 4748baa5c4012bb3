"""The end of the wait for a late signup, which takes a process that is not young any more."""

from __future__ import annotations

import time
from decimal import Decimal

from tests.e2e.deployment import RETRY_DELAYS_MS, Site, deployed, new_id
from tests.scenario import signup, topup_v1, transfer

YOUNG_S = 2.0
"""What the test takes for the 60 s in which a process is too young to know. Nothing else differs."""

YOUNGER = f"import adapters.rabbitmq.late_signups as late_signups; late_signups.YOUNG_S = {YOUNG_S}"


async def test_an_unknown_wallet_is_refused_when_the_process_is_old_enough(site: Site) -> None:
    """Past youth and delays, a transfer to nobody is answered ``Wallet not found``; a signup changes that no more."""
    sender, nobody, refused, later = new_id(), new_id(), new_id(), new_id()
    async with deployed(site, started=False) as wallet:
        began_s = time.monotonic()
        wallet.process.launch(before=YOUNGER)
        await wallet.process.wait_ready()
        await wallet.open(sender)
        await wallet.send(transfer(refused, sender, nobody, 1))
        answer = await wallet.answers.last(refused)
        waited_s = time.monotonic() - began_s
        await wallet.send(signup(nobody), topup_v1(later, nobody, 1), transfer(refused, sender, nobody, 1))
        await wallet.answers.last(later)
        first, second = await wallet.answers.about(refused, count=2)

        assert (False, "Wallet not found") == (answer.read.is_completed, answer.read.reason)
        assert waited_s >= YOUNG_S
        assert first.body == second.body
        assert Decimal("1.00") == await wallet.balance(nobody)
        assert await wallet.metric("wallet_retries_total", subject="transaction.completed") > len(RETRY_DELAYS_MS)
