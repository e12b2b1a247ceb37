"""JobQueue in memory: one process, one loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from citewell.model import JobId

__all__ = ["MemoryJobQueue"]

_log = logging.getLogger(__name__)


class MemoryJobQueue:
    """The reference JobQueue: calls `handler` for each announced job, in tasks of the running loop.

    Leaving the context cancels what still runs or waits; the jobs themselves are a JobStore's to remember.
    """

    def __init__(self, handler: Callable[[JobId], Awaitable[object]]) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def announce(self, job_id: JobId, *, delay_seconds: float = 0.0) -> None:
        task = asyncio.create_task(self._deliver(job_id, delay_seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Wait until every announced job was handled, those announced meanwhile too."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, job_id: JobId, delay_seconds: float) -> None:
        await asyncio.sleep(delay_seconds)
        try:
            await self._handler(job_id)
        except Exception:  # noqa: BLE001 - a handler may fail in any way; the queue goes on
            _log.exception("the handler of job %s failed", job_id)
