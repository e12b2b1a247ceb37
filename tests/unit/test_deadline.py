"""One time for many waits."""

from __future__ import annotations

import asyncio
import time

import pytest

from citewell.deadline import Deadline


def after(seconds: float) -> Deadline:
    return Deadline(asyncio.get_running_loop().time() + seconds)


async def test_a_wait_ends_with_the_time() -> None:
    """By TimeoutError; the task can go on."""
    deadline = after(0.02)
    for _ in range(2):
        with deadline:
            await asyncio.sleep(0)
    with pytest.raises(TimeoutError), deadline:
        await asyncio.sleep(3600)
    await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_is_between_the_waits_goes_on() -> None:
    """The next wait is not begun."""
    deadline, began = after(0.01), time.monotonic()
    with deadline:
        await asyncio.sleep(0)
    await asyncio.sleep(0.03)
    assert time.monotonic() - began >= 0.03
    with pytest.raises(TimeoutError), deadline:
        pytest.fail("begun")


async def test_it_strikes_no_more_once_it_is_closed() -> None:
    """However long a wait takes."""
    deadline = after(0.01)
    deadline.close()
    with deadline:
        await asyncio.sleep(0.03)


async def test_an_error_of_the_wait_is_its_own() -> None:
    """And no timeout."""
    deadline = after(3600)
    with pytest.raises(ZeroDivisionError), deadline:
        raise ZeroDivisionError
    deadline.close()


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    """Before the time, and at the same moment."""

    async def waiting(deadline: Deadline) -> None:
        with deadline:
            await asyncio.sleep(3600)

    deadline = after(3600)
    task = asyncio.create_task(waiting(deadline))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadline.close()
    both = after(0.0)
    task = asyncio.create_task(waiting(both))
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        await task


async def test_its_tasks_may_differ() -> None:
    """Whoever waits at the moment is interrupted."""

    async def waiting(deadline: Deadline, seconds: float) -> None:
        with deadline:
            await asyncio.sleep(seconds)

    deadline = after(0.03)
    await asyncio.create_task(waiting(deadline, 0.0))
    with pytest.raises(TimeoutError):
        await asyncio.create_task(waiting(deadline, 3600))
