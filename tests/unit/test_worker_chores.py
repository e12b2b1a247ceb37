"""Chores go on, whatever happens to them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.fakes import RecordingQueue
from tests.house import House

from citewell.errors import QueueUnavailable, StoreUnavailable
from citewell.usecases import AnnounceDueJobs
from citewell_entrypoints.chores import Chore, doing


async def test_a_chore_that_fails_is_done_again(caplog: pytest.LogCaptureFixture) -> None:
    """Something away, or a defect: it is told and tried again."""
    failures: list[Exception] = [StoreUnavailable(), ZeroDivisionError()]
    done = asyncio.Event()

    async def work() -> None:
        if failures:
            raise failures.pop(0)
        done.set()

    async with doing([Chore("the chore", work, 0.001)]):
        await asyncio.wait_for(done.wait(), 5)
    assert "the chore was put off" in caplog.text
    assert "the chore failed in an unexpected way" in caplog.text


async def test_chores_end_with_the_context() -> None:
    """In the middle of what they do."""
    begun = asyncio.Event()

    async def endless() -> None:
        begun.set()
        await asyncio.sleep(3600)

    async with doing([Chore("the chore", endless, 0.0)]):
        await begun.wait()
        tasks = asyncio.all_tasks()
    assert asyncio.all_tasks() < tasks


async def test_a_chore_that_loses_a_cancellation_ends_all_the_same() -> None:
    """Some ways of waiting lose one that comes at the same moment as what was waited for."""
    begun = asyncio.Event()
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            lost += 1
            if lost > 1:
                raise

    async with asyncio.timeout(20):
        async with doing([Chore("the chore", deaf, 0.0)]):
            await begun.wait()
    assert lost == 2


async def test_what_could_not_be_announced_stays_due(tmp_path: Path) -> None:
    """Once the queue is back it is announced at once."""
    house = House(tmp_path, queue=RecordingQueue(failure=QueueUnavailable()))
    _, job_id = await house.uploaded_job(b"text")
    house.clock.advance(60)
    announce = AnnounceDueJobs(board=house.board, queue=house.queue)
    with pytest.raises(QueueUnavailable):
        await announce(grace_seconds=20)
    house.queue.failure = None
    assert await announce(grace_seconds=20) == 1
    assert house.queue.announced == [(job_id, 0.0)]
    assert await announce(grace_seconds=20) == 0
