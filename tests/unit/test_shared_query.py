"""Reads that share a query: who joins which, who gets what, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar

import pytest

from adapters.mongo import shared_query
from adapters.mongo.shared_query import QUERIES_MAX, SharedQuery
from wallet_core.errors import StoreUnavailable
from wallet_core.testing.conformance.store import error_of

WAIT_S_MAX = 5.0

LONG_S = 60.0
"""Longer than any test lasts."""


class Database:
    """Answers each query when the test says so, with the number of the query for everybody."""

    def __init__(self) -> None:
        """Start without a query."""
        self.queries: list[Sequence[str]] = []
        self.answers: list[asyncio.Future[None]] = []

    async def ask_many(self, names: Sequence[str]) -> Mapping[str, int]:
        """Take a query, and answer it when told to. Nobody is known as ``nobody``."""
        self.queries.append(names)
        self.answers.append(asyncio.get_running_loop().create_future())
        number = len(self.queries)
        await self.answers[-1]
        return {name: number for name in names if name != "nobody"}

    async def until_asked(self, count: int) -> None:
        """Wait until so many queries have come."""
        async with asyncio.timeout(WAIT_S_MAX):
            while len(self.queries) < count:  # noqa: ASYNC110 - what changes is behind a public method
                await asyncio.sleep(0)


@pytest.fixture
def database() -> Database:
    """Give a database that waits to be told."""
    return Database()


@pytest.fixture
def shared(database: Database, monkeypatch: pytest.MonkeyPatch) -> SharedQuery[str, int]:
    """Share queries of at most three questions; none of them counts as slow."""
    monkeypatch.setattr(shared_query, "SLOW_S", LONG_S)
    return SharedQuery(database.ask_many, questions_max=3)


def asked(shared: SharedQuery[str, int], *names: str) -> list[asyncio.Task[int | None]]:
    """Ask for each of these in a task of its own."""
    return [asyncio.create_task(shared.ask(name)) for name in names]


async def turns(count: int) -> None:
    """Let the loop turn a few times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_query_of_many_requests_is_made_for_none_of_them() -> None:
    """What a request has bound to its own work, as its id in the log, is not bound to the query that it shares."""
    bound: ContextVar[str] = ContextVar("bound")
    seen: list[str] = []

    async def ask_many(names: Sequence[str]) -> Mapping[str, int]:
        seen.append(bound.get("nothing"))
        return dict.fromkeys(names, 1)

    bound.set("alice's request")
    shared: SharedQuery[str, int] = SharedQuery(ask_many, questions_max=1)
    await asyncio.gather(*asked(shared, "alice", "bob"))

    assert ["nothing", "nothing"] == seen


async def test_a_lone_question_goes_out_at_once(shared: SharedQuery[str, int], database: Database) -> None:
    """Nobody waits for others to come: three turns of the loop later the query is with the database."""
    (alice,) = asked(shared, "alice")

    await turns(3)
    sent = list(database.queries)
    database.answers[0].set_result(None)

    assert [["alice"]] == sent
    assert 1 == await alice


async def test_questions_of_one_moment_share_a_query(shared: SharedQuery[str, int], database: Database) -> None:
    """Three that come in one turn of the loop are one query; who is not found is told so."""
    tasks = asked(shared, "alice", "nobody", "alice")

    await database.until_asked(1)
    database.answers[0].set_result(None)

    assert [1, None, 1] == await asyncio.gather(*tasks)
    assert [["alice", "nobody", "alice"]] == database.queries


async def test_a_query_that_is_sent_takes_nobody_in(shared: SharedQuery[str, int], database: Database) -> None:
    """Who asks while a query is under way, even the very same question, is answered by the next one."""
    (first,) = asked(shared, "alice")
    await database.until_asked(1)
    late = asked(shared, "alice", "bob")
    await turns(5)
    under_way = list(database.queries)

    database.answers[0].set_result(None)
    await database.until_asked(2)
    database.answers[1].set_result(None)

    assert [["alice"]] == under_way
    assert 1 == await first
    assert [2, 2] == await asyncio.gather(*late)


async def test_nothing_is_kept(shared: SharedQuery[str, int], database: Database) -> None:
    """The same question after the answer is a new query."""
    for number in (1, 2):
        (alice,) = asked(shared, "alice")
        await database.until_asked(number)
        database.answers[number - 1].set_result(None)

        assert number == await alice


async def test_a_query_is_bounded(shared: SharedQuery[str, int], database: Database) -> None:
    """More questions than one query takes go out in several, in the order in which they came."""
    tasks = asked(shared, *"abcdefg")

    for number in range(3):
        await database.until_asked(number + 1)
        database.answers[number].set_result(None)

    assert [1, 1, 1, 2, 2, 2, 3] == await asyncio.gather(*tasks)
    assert [["a", "b", "c"], ["d", "e", "f"], ["g"]] == database.queries


async def test_each_gets_an_outage_of_its_own(shared: SharedQuery[str, int], database: Database) -> None:
    """When the query fails, all who share it are told the same, each with an error of its own; the next is asked."""
    tasks = asked(shared, "alice", "bob")
    await database.until_asked(1)
    (late,) = asked(shared, "carol")
    database.answers[0].set_exception(StoreUnavailable("away"))
    errors = [await error_of(task) for task in tasks]
    await database.until_asked(2)
    database.answers[1].set_result(None)

    assert ["away", "away"] == [str(error) for error in errors]
    assert {StoreUnavailable} == {type(error) for error in errors}
    assert errors[0] is not errors[1]
    assert 2 == await late


async def test_a_defect_reaches_all_who_share_it(shared: SharedQuery[str, int], database: Database) -> None:
    """An error that nobody has foreseen leaves no one waiting."""
    tasks = asked(shared, "alice", "bob")
    await database.until_asked(1)

    database.answers[0].set_exception(ZeroDivisionError("a defect"))

    assert [ZeroDivisionError, ZeroDivisionError] == [type(await error_of(task)) for task in tasks]


async def test_who_is_cancelled_leaves_the_query_to_the_others(
    shared: SharedQuery[str, int], database: Database
) -> None:
    """One request that ends early, before or after the query is sent, takes nothing from the rest."""
    alice, bob, carol = asked(shared, "alice", "bob", "carol")
    await turns(1)
    alice.cancel()
    await database.until_asked(1)
    bob.cancel()
    await asyncio.wait({alice, bob}, timeout=WAIT_S_MAX)

    database.answers[0].set_result(None)

    assert 1 == await asyncio.wait_for(carol, WAIT_S_MAX)
    assert alice.cancelled()
    assert bob.cancelled()


async def test_a_query_that_is_cancelled_leaves_nobody_waiting(
    shared: SharedQuery[str, int], database: Database
) -> None:
    """At the end of the loop, when every task is cancelled, those who wait for a query end too."""
    (alice,) = asked(shared, "alice")
    await database.until_asked(1)

    (query,) = (task for task in asyncio.all_tasks() if task.get_name() == "shared-query")
    query.cancel()
    await asyncio.wait({alice}, timeout=WAIT_S_MAX)

    assert alice.cancelled()


async def test_a_slow_query_is_passed_by(
    shared: SharedQuery[str, int], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query that hangs holds nobody back for long: the next goes out beside it, without anybody new asking."""
    monkeypatch.setattr(shared_query, "SLOW_S", 0.01)
    (hanging,) = asked(shared, "alice")
    await database.until_asked(1)
    (passing,) = asked(shared, "bob")

    await database.until_asked(2)
    database.answers[1].set_result(None)

    assert 2 == await passing
    assert not hanging.done()
    database.answers[0].set_result(None)
    assert 1 == await hanging


async def test_a_slow_query_that_ends_hurries_nobody(
    shared: SharedQuery[str, int], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When one that was passed by ends, those who wait for the younger one go on gathering."""
    monkeypatch.setattr(shared_query, "SLOW_S", 0.0)
    (hanging,) = asked(shared, "alice")
    await database.until_asked(1)
    monkeypatch.setattr(shared_query, "SLOW_S", LONG_S)
    (passing,) = asked(shared, "bob")
    await database.until_asked(2)
    waiting = asked(shared, "carol", "dora")
    await turns(2)

    database.answers[0].set_result(None)
    await hanging
    await turns(5)
    sent = len(database.queries)
    database.answers[1].set_result(None)
    await passing
    await database.until_asked(3)
    database.answers[2].set_result(None)

    assert 2 == sent
    assert [3, 3] == await asyncio.gather(*waiting)


async def test_few_queries_are_under_way(
    shared: SharedQuery[str, int], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the database is, no more than QUERIES_MAX queries are with it; the others wait for a place."""
    monkeypatch.setattr(shared_query, "SLOW_S", 0.0)
    tasks = asked(shared, *(str(number) for number in range(3 * QUERIES_MAX + 3)))
    await database.until_asked(QUERIES_MAX)
    await asyncio.sleep(0.05)  # long enough for another one to go out, which is the fault that is looked for
    under_way = len(database.queries)

    for number in range(QUERIES_MAX + 1):
        await database.until_asked(number + 1)
        database.answers[number].set_result(None)

    assert QUERIES_MAX == under_way
    assert QUERIES_MAX + 1 == (await asyncio.gather(*tasks))[-1]


async def test_nobody_waits_for_ever(
    shared: SharedQuery[str, int], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer those who were sent and those who still wait for a place are all told so in time."""
    monkeypatch.setattr(shared_query, "WAIT_S_MAX", 0.2)
    sent = asked(shared, "alice", "bob")
    await database.until_asked(1)
    waiting = asked(shared, "carol", "dora")

    async with asyncio.timeout(WAIT_S_MAX):
        errors = [await error_of(task) for task in (*sent, *waiting)]

    assert {StoreUnavailable} == {type(error) for error in errors}
    assert "not answered a read for 0.2 s" in str(errors[0])
