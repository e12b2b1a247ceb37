"""The consuming side: Dramatiq's threads fetch announcements, the caller's event loop does the work."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self, cast
from uuid import UUID

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from citewell.errors import QueueUnavailable
from citewell.model import JobId
from citewell_adapters.dramatiq.broker import ACTOR, QUEUE

__all__ = ["DramatiqConsumer"]

#: So often a consumer that has its hands full looks whether it has room again.
_IDLE_MS: Final = 100


class DramatiqConsumer:
    """Between entering and leaving, calls `handler` for announced jobs, `concurrency` of them at a time.

    The handler runs in the loop that entered. Leaving cancels the handlers that still run, gives them
    `stop_seconds` to put their work down, and returns what was fetched but not begun to the queue.
    A handler's Transient error makes the announcement come again later; any other ends it.
    """

    def __init__(
        self,
        broker: RedisBroker,
        handler: Callable[[JobId], Awaitable[object]],
        *,
        concurrency: int,
        stop_seconds: float = 5.0,
    ) -> None:
        self._broker = broker
        self._handler = handler
        self._concurrency = concurrency
        self._stop_seconds = stop_seconds
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        @dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=self._broker)
        def ingest_document(job_id: str) -> None:
            future = asyncio.run_coroutine_threadsafe(self._handle(JobId(UUID(job_id))), loop)
            try:
                future.result()
            except concurrent.futures.CancelledError:
                return  # The handler has given its job back, which announces it anew.

        self._worker = dramatiq.Worker(
            self._broker, worker_threads=self._concurrency, worker_timeout=_IDLE_MS
        )
        # Announcements that one worker holds in reserve are lost to the others; dramatiq's default is twice
        # the number of threads, and its environment variable is read too early to be of use.
        self._worker.queue_prefetch = self._concurrency
        await asyncio.to_thread(self._worker.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        for task in self._running:
            task.cancel()
        await asyncio.to_thread(self._worker.stop, round(self._stop_seconds * 1000))

    async def _handle(self, job_id: JobId) -> None:
        if self._stopping:
            # Fetched too late: transient, so that the announcement goes back instead of counting as heard.
            raise QueueUnavailable("the worker stops")
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._running.add(task)
        try:
            await self._handler(job_id)
        finally:
            self._running.discard(task)
