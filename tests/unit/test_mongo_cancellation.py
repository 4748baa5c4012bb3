"""A cancelled task and its statement: the statement ends first, whatever it ends with."""

import asyncio

import pytest

from adapters.mongo import cancellation
from adapters.mongo.cancellation import finished_even_if_cancelled


class Statement:
    """A statement of the driver that a test lets end."""

    def __init__(self) -> None:
        """Begin it, and a task that waits for it and then writes down what it has seen."""
        self.ending = asyncio.get_running_loop().create_future()
        self.seen: list[str] = []
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> int:
        try:
            return await finished_even_if_cancelled(self.ending)
        finally:
            self.seen.append(f"left while the statement is {'ended' if self.ending.done() else 'under way'}")


async def test_a_result_comes_through() -> None:
    """Without a cancellation it is an await like any other."""
    statement = Statement()
    statement.ending.set_result(7)

    assert 7 == await statement.task


async def test_a_cancelled_task_waits_for_its_statement() -> None:
    """The task ends as cancelled, and not before its statement."""
    statement = Statement()
    await asyncio.sleep(0)
    statement.task.cancel()
    done, _ = await asyncio.wait({statement.task}, timeout=0.05)
    statement.ending.set_result(7)
    await asyncio.wait({statement.task}, timeout=5)

    assert set() == done
    assert statement.task.cancelled()
    assert ["left while the statement is ended"] == statement.seen


async def test_an_error_of_an_abandoned_statement_is_nobodys() -> None:
    """A statement that fails after the cancellation leaves the task cancelled, and no complaint of the event loop."""
    statement = Statement()
    await asyncio.sleep(0)
    statement.task.cancel()
    await asyncio.sleep(0)
    statement.ending.set_exception(ValueError("too late"))
    await asyncio.wait({statement.task}, timeout=5)

    assert statement.task.cancelled()


async def test_a_statement_that_hangs_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """After CANCELLED_WAIT_S the task goes, although the statement is still under way."""
    monkeypatch.setattr(cancellation, "CANCELLED_WAIT_S", 0.05)
    statement = Statement()
    await asyncio.sleep(0)
    statement.task.cancel()
    await asyncio.wait({statement.task}, timeout=5)

    assert statement.task.cancelled()
    assert ["left while the statement is under way"] == statement.seen
