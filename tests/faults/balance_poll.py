"""A user who looks at balances all the time, while servers fail: what was told, and whether the books explain it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import httpx2

from tests.e2e.deployment import WALLET
from tests.faults.facts import Document
from tests.faults.load import MINOR
from tests.faults.scene import Scene
from tests.fixtures.wallet_process import WalletProcess

PAUSE_S = 0.02
"""Pause between two questions to one process, seconds: it has other work to do."""


@dataclass(slots=True)
class BalancePoll:
    """What was told: each balance in cents with its user, and how often each status came."""

    told: set[tuple[str, int]] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)

    def take(self, user_id: str, response: httpx2.Response) -> None:
        """Take down one response."""
        self.statuses[response.status_code] += 1
        if response.status_code == httpx2.codes.OK:
            balance: Decimal = json.loads(response.text, parse_float=Decimal)["balance"]
            self.told.add((user_id, int(balance * MINOR)))

    def unexplained(self, wallets: Iterable[Document], entries: Iterable[Document]) -> set[tuple[str, int]]:
        """Give what was told and was true at no moment: no entry of the user's wallet has left this balance."""
        owners = {str(wallet["_id"]): str(wallet["userId"]) for wallet in wallets}
        true: set[tuple[str, object]] = {(user_id, 0) for user_id in owners.values()}
        for entry in entries:
            key = entry["_id"]
            assert isinstance(key, dict)
            true.add((owners[str(key["w"])], entry["balanceAfterMinor"]))
        return self.told - true


@asynccontextmanager
async def balances_polled(scene: Scene) -> AsyncIterator[BalancePoll]:
    """Ask every process for every user's balance in turn, until the end of the block."""
    poll = BalancePoll()
    asking = [asyncio.create_task(_ask_for_ever(scene, service, poll)) for service in scene.services]
    try:
        yield poll
    finally:
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
    for task in asking:
        if not task.cancelled():
            task.result()  # it ended by itself: an error


async def _ask_for_ever(scene: Scene, service: WalletProcess, poll: BalancePoll) -> None:
    tokens = {user_id: scene.token(user_id) for user_id in scene.load.users}
    while True:
        for user_id, token in tokens.items():
            poll.take(user_id, await service.http.get(WALLET, headers={"authorization": f"Bearer {token}"}))
            await asyncio.sleep(PAUSE_S)
