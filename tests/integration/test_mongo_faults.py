"""The unit of work under faults that the server injects: each ends in exactly one effect, or in none and an error."""

import asyncio

import pytest
from pymongo import MongoClient

from adapters.mongo import unit_of_work
from adapters.mongo.adoption import unmigrated
from adapters.mongo.driver import Driver
from adapters.mongo.indexes import prepare
from adapters.mongo.pending_answers import MongoPendingAnswers
from tests.fixtures.driver import over_both_drivers
from tests.integration.fail_points import OF_THE_SERVICE, TRANSIENT, failing, until_blocked
from tests.integration.mongo_bank import NO_EFFECT, ONE_EFFECT, Bank
from wallet_core import ConcurrentUpdate, OutcomeKind, StoreUnavailable
from wallet_core.ports import Books, WalletChange
from wallet_core.testing.conformance.store import ALICE, credit, error_of

Client = MongoClient[dict[str, object]]

COMMANDS = ("find", "update", "insert", "commitTransaction")
"""Every command of a unit of work but the abort."""

WRITE_CONFLICT = 112
NO_SUCH_TRANSACTION = 251
MAX_TIME_EXPIRED = 50
STEPPED_DOWN = 189
GONE = (91, STEPPED_DOWN, 10107, 11600, 13435)
"""ShutdownInProgress, PrimarySteppedDown, NotWritablePrimary, InterruptedAtShutdown, NotPrimaryNoSecondaryOk."""

BY_EACH_DRIVER = [*((Driver.MOTOR, code) for code in GONE), (Driver.PYMONGO, STEPPED_DOWN)]
"""The drivers share their table of such codes, so one with the other driver is enough."""

NOT_REPLICATED = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}


@over_both_drivers
@pytest.mark.parametrize("times", [1, 2, 10])
async def test_a_commit_whose_connection_breaks_has_one_effect(bank: Bank, mongo_client: Client, times: int) -> None:
    """The commit is sent again until its result is known, and the body is not: it was written once."""
    with failing(mongo_client, ["commitTransaction"], times=times, closeConnection=True):
        outcome = await bank.transfer()

    assert OutcomeKind.APPLIED == outcome
    assert ONE_EFFECT == await bank.effects()
    assert bank.observer.statements["insert outbox"] == 1
    assert bank.observer.counts["race_lost"] == 0


@over_both_drivers
async def test_a_commit_that_is_applied_but_not_confirmed_has_one_effect(bank: Bank, mongo_client: Client) -> None:
    """A commit that has happened and reports a write concern error is sent again, not the body."""
    with failing(mongo_client, ["commitTransaction"], times=3, writeConcernError=NOT_REPLICATED):
        outcome = await bank.transfer()

    assert OutcomeKind.APPLIED == outcome
    assert ONE_EFFECT == await bank.effects()
    assert bank.observer.statements["insert outbox"] == 1
    assert bank.observer.counts["commit_repeated"] == 3


@over_both_drivers
async def test_a_commit_that_takes_too_long_is_sent_again(bank: Bank, mongo_client: Client) -> None:
    """MaxTimeMSExpired says nothing about the commit: it is sent again, not the body."""
    with failing(mongo_client, ["commitTransaction"], times=2, errorCode=MAX_TIME_EXPIRED):
        outcome = await bank.transfer()

    assert OutcomeKind.APPLIED == outcome
    assert ONE_EFFECT == await bank.effects()
    assert bank.observer.statements["insert outbox"] == 1


@over_both_drivers
async def test_a_transaction_that_is_gone_at_its_commit_runs_again(bank: Bank, mongo_client: Client) -> None:
    """A commit that says TransientTransactionError has not happened, so the whole body runs again."""
    with failing(mongo_client, ["commitTransaction"], times=1, errorCode=NO_SUCH_TRANSACTION, errorLabels=TRANSIENT):
        outcome = await bank.transfer()

    assert OutcomeKind.APPLIED == outcome
    assert ONE_EFFECT == await bank.effects()
    assert bank.observer.statements["insert outbox"] == 2
    assert bank.observer.counts["race_lost"] == 1


@over_both_drivers
async def test_a_commit_that_stays_unknown_is_an_outage(
    bank: Bank, mongo_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit whose time is over is StoreUnavailable: the body ran once, and repeating the request is harmless."""
    monkeypatch.setattr(unit_of_work, "COMMIT_S_MAX", 0.5)
    with failing(mongo_client, ["commitTransaction"], writeConcernError=NOT_REPLICATED):
        error = await error_of(bank.transfer())
    written = bank.observer.statements["insert outbox"]

    assert isinstance(error, StoreUnavailable)
    assert "may have happened" in str(error)
    assert written == 1
    assert OutcomeKind.REPEATED == await bank.transfer()
    assert (9_900, 10_100, 2) == (await bank.effects())[:3]


@over_both_drivers
@pytest.mark.parametrize("times", [1, 3])
async def test_a_write_conflict_runs_the_body_again(bank: Bank, mongo_client: Client, times: int) -> None:
    """Each lost race costs one run, and the last one is the only effect."""
    with failing(mongo_client, ["update"], times=times, errorCode=WRITE_CONFLICT, errorLabels=TRANSIENT):
        outcome = await bank.transfer()

    assert OutcomeKind.APPLIED == outcome
    assert ONE_EFFECT == await bank.effects()
    assert bank.observer.counts == {"race_lost": times}


async def test_who_only_loses_races_gives_up(bank: Bank, mongo_client: Client) -> None:
    """After ATTEMPTS_MAX lost races it is ConcurrentUpdate, and nothing has happened."""
    with failing(mongo_client, ["update"], errorCode=WRITE_CONFLICT, errorLabels=TRANSIENT):
        error = await error_of(bank.transfer())

    assert isinstance(error, ConcurrentUpdate)
    assert bank.observer.counts == {"race_lost": unit_of_work.ATTEMPTS_MAX}
    assert NO_EFFECT == await bank.effects()


@over_both_drivers
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_connection_that_breaks_at_any_command_costs_nothing(
    bank: Bank, mongo_client: Client, command: str
) -> None:
    """Whichever command's connection is closed, the unit of work recovers by itself and has one effect."""
    with failing(mongo_client, [command], times=1, closeConnection=True):
        outcome = await bank.transfer()

    assert OutcomeKind.APPLIED == outcome
    assert ONE_EFFECT == await bank.effects()


@over_both_drivers
async def test_a_connection_that_breaks_before_the_commit_is_counted(bank: Bank, mongo_client: Client) -> None:
    """The body runs again as after a lost race, and operators see which of the two it was."""
    with failing(mongo_client, ["update"], times=1, closeConnection=True):
        await bank.transfer()

    assert bank.observer.counts == {"connection_lost": 1}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("driver", "code"), BY_EACH_DRIVER)
async def test_a_primary_that_leaves_at_any_command_costs_nothing(
    bank: Bank, mongo_client: Client, command: str, code: int
) -> None:
    """Whichever command says that the primary is going, the unit of work finds the next one and has one effect."""
    with failing(mongo_client, [command], times=1, errorCode=code):
        outcome = await bank.transfer()

    assert OutcomeKind.APPLIED == outcome
    assert ONE_EFFECT == await bank.effects()


@pytest.mark.parametrize("command", ["find", "update", "insert"])
async def test_a_database_that_stays_away_is_an_outage(
    bank: Bank, mongo_client: Client, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """When every attempt loses its connection before the commit, it is StoreUnavailable and nothing has happened."""
    monkeypatch.setattr(unit_of_work, "RUN_S_MAX", 0.5)
    with failing(mongo_client, [command], closeConnection=True):
        error = await error_of(bank.transfer())

    assert isinstance(error, StoreUnavailable)
    assert NO_EFFECT == await bank.effects()


@over_both_drivers
async def test_an_abort_that_fails_is_not_the_error_to_report(bank: Bank, mongo_client: Client) -> None:
    """The error of the body comes out, also when the abort after it fails."""
    problem = ValueError("no")

    async def fail(books: Books) -> None:
        await credit(books, ALICE, 1)
        raise problem

    with failing(mongo_client, ["abortTransaction"], times=2, errorCode=NO_SUCH_TRANSACTION):
        error = await error_of(bank.unit_of_work.run(fail))

    mongo_client.admin.command({"killAllSessions": []})  # as the server does by itself, after its time limit

    assert problem is error
    assert NO_EFFECT == await bank.effects()


@over_both_drivers
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_cancelled_unit_of_work_does_not_block_its_wallets(
    bank: Bank, mongo_client: Client, command: str
) -> None:
    """Cancelled in the middle of a slow statement, it ends at once after it, and the next one needs no second try."""
    with failing(mongo_client, [command], times=1, blockConnection=True, blockTimeMS=300):
        task = asyncio.ensure_future(bank.transfer())
        await until_blocked(mongo_client, command)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
    assert task.cancelled()
    bank.observer.clear()

    outcome = await bank.transfer()

    assert outcome is (OutcomeKind.REPEATED if command == "commitTransaction" else OutcomeKind.APPLIED)
    assert bank.observer.counts == {}
    assert (9_900, 10_100, 2) == (await bank.effects())[:3]


@over_both_drivers
async def test_a_cancelled_first_write_does_not_block_its_wallet(bank: Bank, mongo_client: Client) -> None:
    """The abort does not overtake the statement that would begin the transaction, and leave it open on the server."""
    alice = await bank.reader.wallet_of(ALICE)
    assert alice is not None

    async def write_first(books: Books) -> None:
        await books.wallets.change_many([WalletChange(alice.version, alice)])

    with failing(mongo_client, ["update"], times=1, blockConnection=True, blockTimeMS=300):
        task = asyncio.ensure_future(bank.unit_of_work.run(write_first))
        await until_blocked(mongo_client, "update")
        task.cancel()
        await asyncio.wait({task}, timeout=5)

    assert task.cancelled()
    assert OutcomeKind.APPLIED == await bank.transfer()
    assert bank.observer.counts == {}


@over_both_drivers
async def test_a_transaction_asks_for_a_snapshot_and_a_majority(bank: Bank, mongo_client: Client) -> None:
    """Its first statement reads a snapshot, its commit waits for a majority and the journal: said on them, in full."""
    with failing(mongo_client, ["find"], times=1, blockConnection=True, blockTimeMS=200):
        task = asyncio.ensure_future(bank.transfer())
        first = await until_blocked(mongo_client, "find")
        await task
    with failing(mongo_client, ["commitTransaction"], times=1, blockConnection=True, blockTimeMS=200):
        probe = asyncio.ensure_future(bank.unit_of_work.probe())
        commit = await until_blocked(mongo_client, "commitTransaction")
        await probe

    assert {"level": "snapshot"} == first["readConcern"]
    assert {"w": "majority", "j": True} == commit["writeConcern"]
    assert first["startTransaction"]


@over_both_drivers
async def test_all_reads_of_a_unit_of_work_are_in_its_transaction(bank: Bank, mongo_client: Client) -> None:
    """The profiler sees the queries of a transfer under one transaction number."""
    profiled = mongo_client[bank.database.name]
    profiled.command({"profile": 2})
    await bank.transfer()
    profiled.command({"profile": 0})

    rows = list(profiled["system.profile"].find({"appName": OF_THE_SERVICE, "op": "query"}))
    numbers = [command.get("txnNumber") for row in rows if isinstance(command := row["command"], dict)]

    assert len(numbers) == 2
    assert len(set(numbers)) == 1
    assert None not in numbers


@over_both_drivers
async def test_all_writes_of_a_unit_of_work_are_one_step(bank: Bank, mongo_client: Client) -> None:
    """The server's own log has a single operation for a transfer: wallets, record, entries and outbox together."""
    oplog = mongo_client["local"]["oplog.rs"]
    name = bank.database.name
    (last,) = oplog.find({}).sort("$natural", -1).limit(1)
    await bank.transfer()

    mine = {"$or": [{"ns": {"$regex": f"^{name}[.]"}}, {"o.applyOps.ns": {"$regex": f"^{name}[.]"}}]}
    steps = list(oplog.find({"ts": {"$gt": last["ts"]}, **mine}))

    assert len(steps) == 1
    assert ["entries", "entries", "outbox", "transactions", "wallets", "wallets"] == sorted(_collections(steps[0]))


@over_both_drivers
async def test_the_probe_needs_a_commit_that_works(bank: Bank, mongo_client: Client) -> None:
    """The probe is an outage when writes or commits fail, and leaves nothing behind."""
    with failing(mongo_client, ["insert"], errorCode=121):
        refused = await error_of(bank.unit_of_work.probe())
    with failing(mongo_client, ["commitTransaction"], times=1, errorCode=MAX_TIME_EXPIRED):
        await bank.unit_of_work.probe()

    assert isinstance(refused, StoreUnavailable)
    assert NO_EFFECT == await bank.effects()


@over_both_drivers
@pytest.mark.parametrize("code", [WRITE_CONFLICT, NO_SUCH_TRANSACTION])
async def test_what_is_refused_outside_a_unit_of_work_is_an_outage(bank: Bank, mongo_client: Client, code: int) -> None:
    """No event is to blame for what a reader, the relay or a start is refused: they wait and ask again."""
    pending = MongoPendingAnswers(bank.database)
    await bank.transfer()
    (row,) = await pending.pending(1)
    with failing(mongo_client, ["find", "aggregate", "delete", "findAndModify", "listCollections"], errorCode=code):
        errors = [
            await error_of(bank.reader.wallet_of(ALICE)),
            await error_of(pending.pending(1)),
            await error_of(pending.backlog()),
            await error_of(pending.settle(row, [])),
            await error_of(pending.hold_lease("relay", 1_000)),
            await error_of(prepare(bank.database)),
            await error_of(unmigrated(bank.database)),
        ]

    assert [StoreUnavailable] * len(errors) == [type(error) for error in errors]


def _collections(step: dict[str, object]) -> list[str]:
    operations = step["o"]
    assert isinstance(operations, dict)
    return [operation["ns"].split(".")[1] for operation in operations["applyOps"]]
