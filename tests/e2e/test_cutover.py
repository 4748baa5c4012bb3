"""The replacement of a running v1 wallet, rehearsed.

v1 is played, and every step of ``docs/operations.md`` is typed as it stands there, with the check that it asks for.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo import MongoClient

from adapters.embedded import Mongod, RabbitMQ
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE
from tests.e2e.books import Document
from tests.e2e.cutover import MINT_TXNS, WALLET_QUEUES, Cutover, next_second
from tests.e2e.deployment import Site, deployed, new_id
from tests.e2e.operations_page import commands, scripts
from tests.e2e.shell import Shell
from tests.e2e.v1 import Step, V1Transactions

pytestmark = pytest.mark.timeout(300)  # some twenty commands, each a process of its own


@pytest.fixture
async def cutover(
    own_rabbitmq: RabbitMQ, own_rabbitmq_url: str, mongod: Mongod, mongo_client: MongoClient[Document], tmp_path: Path
) -> AsyncIterator[Cutover]:
    """Run everything but the two wallet services; v1's transactions are on a server of their own, a standalone one."""
    site = Site(own_rabbitmq_url, mongod, mongo_client, tmp_path)
    with Mongod(tmp_path / "txns", replica_set=None) as server, MongoClient[Document](server.url()) as txns:
        async with (
            V1Transactions(own_rabbitmq_url, txns[MINT_TXNS]["transactions"]) as transactions,
            deployed(site, {"TRANSACTIONS_URL": server.url(MINT_TXNS)}, started=False) as wallet,
        ):
            await transactions.read_answers()
            yield Cutover(wallet, transactions, txns, own_rabbitmq, Shell(tmp_path, wallet.settings))


@dataclass
class Scene:
    """The users by name, and the transactions by what has become of them when v1 has died."""

    ada: str
    ben: str
    cleo: str
    eve: str
    finn: str
    done: str
    refused: str
    pending: str
    silent: str
    answered: str
    waiting: str
    untouched: str

    @property
    def users(self) -> list[str]:
        """All users."""
        return [self.ada, self.ben, self.cleo, self.eve, self.finn]


@dataclass
class News:
    """What the neighbours have published while no wallet service ran."""

    zoe: str
    topup: str
    transfer: str


async def live_and_die(cutover: Cutover) -> Scene:
    """Let v1 work, and die in the middle: one applied and not answered, one answered and not acked, others waiting."""
    told = cutover.transactions
    ada, ben, cleo, eve, finn = users = [new_id() for _ in range(5)]
    async with cutover.v1() as v1:
        for user_id in users:
            await told.signup(user_id)
        await cutover.wait_wallets(len(users))
        await told.wait_status("Completed", *[await told.topup(user_id, 100) for user_id in users])
        done = await told.transfer(ada, ben, 30)
        refused = await told.transfer(cleo, ada, 999)
        await told.wait_status("Completed", done)
        await told.wait_status("Failed", refused)
        await next_second()
        pending = told.create("Transfer", 5, fromUserId=ada, toUserId=cleo)
        await told.pause_reading()
        silent = told.create("Transfer", 7, fromUserId=ada, toUserId=cleo)
        answered = told.create("Transfer", 11, fromUserId=ben, toUserId=cleo)
        v1.dies_at = {silent: Step.APPLIED, answered: Step.ANSWERED}
        await told.complete(silent)
        await told.complete(answered)
        await v1.wait_dead()
        waiting = await told.transfer(ben, ada, 3)
        untouched = await told.transfer(eve, finn, 2)
    return Scene(ada, ben, cleo, eve, finn, done, refused, pending, silent, answered, waiting, untouched)


async def go_on_without_a_wallet_service(cutover: Cutover, scene: Scene) -> News:
    """Publish what waits for us: a transfer, a new user with money, and the failure of what v1 has applied."""
    told, zoe = cutover.transactions, new_id()
    transfer = await told.transfer(scene.ben, scene.ada, 1)
    await told.signup(zoe)
    topup = await told.topup(zoe, 9)
    await told.fail(scene.done)
    return News(zoe, topup, transfer)


async def take_over(cutover: Cutover) -> None:
    """Do steps 5 to 7, step 6 twice, and check them."""
    cutover.keep_wallets()
    migrated = await cutover.migrate()
    again = await cutover.migrate()
    await cutover.compare()

    assert (1, 1) == (migrated.exit_code, again.exit_code)
    assert "7 applied and 1 refused before us recorded now, 0 known already, 2 created after" in migrated.output
    assert "to look at: 4 undecided, 0 unreadable, 0 changed, 0 left" in migrated.output
    assert "5 adopted (0 of them rounded)" in migrated.output
    assert "1 transaction.failed wait in wallet.revert.q" in migrated.errors
    assert "0 applied and 0 refused before us recorded now, 12 known already" in again.output


async def decide(cutover: Cutover, scene: Scene) -> None:
    """Do step 9: look at what speaks for what, and say it."""
    listed = await cutover.type("9.", 0)
    bulk = await cutover.shell.type(commands("9.")[4])
    evidence = [cutover.evidence(user_id) for user_id in (scene.ada, scene.ben, scene.cleo)]
    applied = await cutover.verdict(1, scene.silent)
    not_applied = await cutover.verdict(2, scene.waiting, scene.pending)
    replayed = await cutover.type("9.", 3)

    maybe = dict.fromkeys((scene.silent, scene.waiting, scene.pending), "maybe")
    assert {**maybe, scene.untouched: "no"} == {row[0]: row[6] for row in listed.rows}
    assert [-7, 0, 7] == evidence
    assert ["1 decided\n", "1 decided\n", "2 decided\n"] == [bulk.output, applied.output, not_applied.output]
    assert "4 replayed" in replayed.output


async def test_v1_is_replaced_while_its_events_wait(cutover: Cutover) -> None:
    """Every balance is exact, nothing is applied twice, what waited is applied once, and a person decides the rest."""
    told, wallet = cutover.transactions, cutover.wallet
    empty = await cutover.type("1.", 2)
    scene = await live_and_die(cutover)
    audit_of_v1 = await cutover.type("1.", 2)
    early = await cutover.migrate_at(datetime.now(UTC))
    await cutover.take_away_v1()
    news = await go_on_without_a_wallet_service(cutover, scene)

    await take_over(cutover)
    await cutover.start()
    letters = await wallet.neighbour.ready(DEAD_LETTER_QUEUE)
    await told.wait_status("Completed", news.transfer, news.topup, scene.answered, scene.done)
    undecided = await cutover.balances(*scene.users, news.zoe)
    await decide(cutover, scene)
    await told.wait_status("Completed", scene.silent, scene.waiting, scene.untouched)
    await told.wait_status("Completed", await told.complete(scene.pending))
    await wallet.wait_rest()

    assert (0, 0) == (empty.exit_code, audit_of_v1.exit_code)
    assert "5 wallets of v1 are not adopted" in audit_of_v1.output
    assert 2 == early.exit_code
    assert "1 answer(s) wait in transaction.finalized.q" in early.errors
    assert 4 == letters
    assert ["64.00", "118.00", "118.00", "100.00", "100.00", "9.00"] == undecided
    decided = await cutover.balances(*scene.users, news.zoe)
    assert ["62.00", "115.00", "123.00", "98.00", "102.00", "9.00"] == decided
    assert "Failed" == told.status(scene.refused)
    (letter,) = await wallet.take_dead_letters(1)
    assert "legacy_transaction" == letter.headers["x-wallet-reason"]
    assert scene.done == json.loads(letter.body)["transactionId"]
    nothing = await cutover.type("9.", 0)
    assert (0, []) == (nothing.exit_code, nothing.rows)
    assert cutover.entries_posted() > 0
    await wallet.assert_books_fit()


async def test_there_is_a_way_back_before_the_start(cutover: Cutover) -> None:
    """v1 gets its wallets back to the byte and goes on with what waited; the next attempt is as good as the first."""
    told, wallets = cutover.transactions, cutover.wallet.books.database["wallets"]
    ada, ben, late = new_id(), new_id(), new_id()
    async with cutover.v1():
        await told.signup(ada)
        await told.signup(ben)
        await cutover.wait_wallets(2)
        await told.wait_status("Completed", await told.topup(ada, 100))
        quiet = cutover.queues("2.")
    await cutover.take_away_v1()
    waiting = await told.transfer(ada, ben, 40)
    kept = list(wallets.find().sort("_id", 1))
    cutover.keep_wallets()
    migrated = await cutover.migrate()
    await cutover.compare()

    posted = cutover.entries_posted()
    for script in scripts("The way back")[1:]:
        cutover.run(script)
    given_back = list(wallets.find().sort("_id", 1))
    async with cutover.v1() as v1:
        await told.wait_status("Completed", waiting)
        await told.signup(late)
        await cutover.wait_wallets(3)
        balances_of_v1 = [v1.balance(user_id) for user_id in (ada, ben)]
    await cutover.take_away_v1()
    cutover.keep_wallets()
    migrated_again = await cutover.migrate()
    await cutover.compare()
    await cutover.start()
    await told.wait_status("Completed", await told.transfer(ben, late, 15))

    assert {(0, 0, 1)} == {quiet[name] for name in WALLET_QUEUES}
    assert (0, 0, 0) == (migrated.exit_code, posted, migrated_again.exit_code)
    assert kept == given_back
    assert [60, 40] == balances_of_v1
    assert "2 applied and 0 refused before us recorded now, 0 known already" in migrated_again.output
    assert ["60.00", "25.00", "15.00"] == await cutover.balances(ada, ben, late)
    await cutover.wallet.assert_books_fit()
