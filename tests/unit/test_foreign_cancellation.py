"""Calls that the client library gives up: they end a session, never the task that waits for them."""

from __future__ import annotations

import asyncio

import pytest

from adapters.rabbitmq.connection import SessionLost, only_our_cancellation


def given_up() -> asyncio.Future[None]:
    """Give a call as the library leaves it when it closes the channel underneath."""
    call = asyncio.get_running_loop().create_future()
    call.set_exception(asyncio.CancelledError())
    return call


async def cancelled_into(ending: BaseException | None) -> None:
    """Close something as the library does when it is cancelled meanwhile: the cancellation becomes something else."""
    with only_our_cancellation():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            if ending is not None:
                raise ending from None


async def wait_guarded(call: asyncio.Future[None], timeout_s: float = 5) -> None:
    """Wait for a call as our adapters do."""
    with only_our_cancellation():
        async with asyncio.timeout(timeout_s):
            await call


async def test_a_call_that_the_library_gives_up_is_a_lost_session() -> None:
    """A cancellation that nobody asked for arrives as SessionLost, which is waited out like any lost connection."""
    call = given_up()

    with pytest.raises(SessionLost):
        await wait_guarded(call)


async def test_a_task_that_we_cancel_stays_cancelled() -> None:
    """A cancellation that we asked for passes through, or nothing could be stopped."""
    task = asyncio.create_task(wait_guarded(asyncio.get_running_loop().create_future()))
    await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()


@pytest.mark.parametrize("ending", [None, ConnectionError("closed")])
async def test_a_cancellation_that_the_library_swallows_still_ends_the_task(ending: BaseException | None) -> None:
    """A task that was asked to stop never goes on because the library took the request for its own."""
    task = asyncio.create_task(cancelled_into(ending))
    await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()


async def test_a_time_out_stays_a_time_out() -> None:
    """A call that takes too long raises TimeoutError, as ever."""
    call = asyncio.get_running_loop().create_future()

    with pytest.raises(TimeoutError):
        await wait_guarded(call, timeout_s=0)
