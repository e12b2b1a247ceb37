"""The contract of JobQueue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

import pytest

from citewell.model import JobId
from citewell.ports import JobQueue

__all__ = ["JobQueueContract", "OpenQueue"]

#: Opens a queue of its own whose announcements reach the handler while the context is open.
OpenQueue = Callable[[Callable[[JobId], Awaitable[object]]], AbstractAsyncContextManager[JobQueue]]

_SOON_SECONDS = 20.0


class Heard:
    """A handler that remembers."""

    def __init__(self) -> None:
        self.jobs: list[JobId] = []
        self._changed = asyncio.Condition()

    async def __call__(self, job_id: JobId) -> None:
        async with self._changed:
            self.jobs.append(job_id)
            self._changed.notify_all()

    async def until(self, *job_ids: JobId) -> None:
        """Waits until all of them were heard of."""
        async with asyncio.timeout(_SOON_SECONDS), self._changed:
            await self._changed.wait_for(lambda: set(job_ids) <= set(self.jobs))


@pytest.mark.asyncio
class JobQueueContract:
    """Override `open_queue`."""

    @pytest.fixture
    def open_queue(self) -> OpenQueue:
        raise NotImplementedError("override the fixture open_queue")

    async def test_a_worker_hears_of_an_announced_job(self, open_queue: OpenQueue) -> None:
        """Let one worker hear of the job, at least once."""
        heard, job_id = Heard(), JobId(uuid4())
        async with open_queue(heard) as queue:
            await queue.announce(job_id)
            await heard.until(job_id)

    async def test_many_jobs_announced_at_once_are_all_heard_of(self, open_queue: OpenQueue) -> None:
        """Let one worker hear of the job, at least once."""
        heard, job_ids = Heard(), [JobId(uuid4()) for _ in range(50)]
        async with open_queue(heard) as queue:
            await asyncio.gather(*map(queue.announce, job_ids))
            await heard.until(*job_ids)

    async def test_a_delayed_job_is_heard_of_after_its_delay(self, open_queue: OpenQueue) -> None:
        """Not before the delay is over."""
        heard, late, early = Heard(), JobId(uuid4()), JobId(uuid4())
        async with open_queue(heard) as queue:
            began = time.monotonic()
            await queue.announce(late, delay_seconds=0.5)
            await queue.announce(early)
            await heard.until(early)
            await heard.until(late)
            assert time.monotonic() - began >= 0.5
        assert heard.jobs.index(early) < heard.jobs.index(late)

    async def test_a_job_whose_handler_fails_does_not_stop_the_queue(self, open_queue: OpenQueue) -> None:
        """It announces, it does not hold."""
        heard, bad, good = Heard(), JobId(uuid4()), JobId(uuid4())

        async def handler(job_id: JobId) -> None:
            if job_id == bad:
                raise ValueError("a defect")
            await heard(job_id)

        async with open_queue(handler) as queue:
            await queue.announce(bad)
            await queue.announce(good)
            await heard.until(good)
