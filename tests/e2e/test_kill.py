"""kill -9 of the service under load: every balance exact, every transfer answered, and nobody has to help."""

from __future__ import annotations

import asyncio
import os
import random
from decimal import Decimal

from tests.e2e.deployment import Deployment, Site, deployed, new_id
from tests.neighbour import eventually
from tests.scenario import Event, topup, transfer_v1

USERS = 10
TRANSFERS = 600
KILLS = 3
OPENING = 1_000
"""Dollars that each user begins with: more than anybody can send away, so every transfer succeeds."""

RECOVERY_S = 40.0
"""Longest wait for all answers; a transaction that a kill leaves open holds its wallets for some 5 s."""

SEED_VARIABLE = "WALLET_TEST_SEED"


def transfers(users: list[str], chance: random.Random) -> list[tuple[Event, int]]:
    """Draw transfers among the users, each with its dollars; every tenth event is sent twice."""
    drawn = []
    for number in range(TRANSFERS):
        sender, recipient = chance.sample(users, 2)
        dollars = chance.randint(1, 9)
        event = transfer_v1(new_id(), sender, recipient, dollars)
        drawn += [(event, dollars)] * (2 if number % 10 == 0 else 1)
    return drawn


def expected_balances(users: list[str], events: list[tuple[Event, int]]) -> dict[str, Decimal]:
    """Add up what each user must have: a transfer counts once, however often it was sent."""
    balances = dict.fromkeys(users, Decimal(OPENING))
    once = {str(event.message["transactionId"]): (event, dollars) for event, dollars in events}
    for event, dollars in once.values():
        balances[str(event.message["fromUserId"])] -= dollars
        balances[str(event.message["toUserId"])] += dollars
    return balances


async def open_funded(wallet: Deployment, users: list[str]) -> None:
    """Open wallets with their opening money."""
    await wallet.open(*users)
    await wallet.send(*(topup(new_id(), user_id, OPENING) for user_id in users))
    for user_id in users:
        await wallet.wait_balance(user_id, str(OPENING))


async def kill_again_and_again(wallet: Deployment, chance: random.Random) -> None:
    """Kill the process at random moments, and start it again each time."""
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.1, 0.6))  # the moment of a kill is what is drawn, not a wait for something
        wallet.process.kill()
        wallet.process.launch()
        await wallet.process.wait_ready()


async def test_kill_9_under_load_loses_and_doubles_nothing(site: Site) -> None:
    """Whatever a kill interrupts, each transfer ends applied once and answered, and the books add up."""
    seed = int(os.environ.get(SEED_VARIABLE, random.SystemRandom().randrange(2**32)))
    print(f"{SEED_VARIABLE}={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)  # noqa: S311 - draws a test, guards nothing
    users = [new_id() for _ in range(USERS)]
    events = transfers(users, chance)
    ids = {str(event.message["transactionId"]) for event, _ in events}
    async with deployed(site, {"WALLET_BATCH_MAX": "50"}) as wallet:
        await open_funded(wallet, users)

        killing = asyncio.create_task(kill_again_and_again(wallet, chance))
        for event, _ in events:
            await wallet.send(event)
        await killing

        async def all_answered() -> bool:
            await wallet.answers.look()
            return ids <= {answer.read.transaction_id for answer in wallet.answers.all}

        await eventually(all_answered, "every transfer is answered", RECOVERY_S)
        await wallet.wait_rest()
        answers = [answer for answer in wallet.answers.all if answer.read.transaction_id in ids]
        assert all(answer.read.is_completed for answer in answers)
        assert expected_balances(users, events) == {user_id: await wallet.balance(user_id) for user_id in users}
        await wallet.assert_books_fit()
