"""The worker's life: open; consume, sweep and index until told to stop; put the work down, close."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Final

from citewell.errors import CitewellError, Transient
from citewell.usecases import AnnounceDueJobs, EncodeChunks, IndexChunks, TidyUp
from citewell_adapters.dramatiq import DramatiqConsumer
from citewell_entrypoints.container import WorkerContainer
from citewell_entrypoints.lifespan import open_resources
from citewell_entrypoints.settings import Settings

__all__ = ["run_worker"]

#: How often is looked for jobs whose worker is lost, and for what is to be tidied up.
_SWEEP_SECONDS: Final = 2.0
_TIDY_SECONDS: Final = 5.0
#: A job that nobody took for this long after its announcement is announced again.
_GRACE_SECONDS: Final = 60.0
#: Between two looks for chunks to index.
_IDLE_SECONDS: Final = 1.0
#: Shorter than any grace that a supervisor gives before it kills.
_STOP_SECONDS: Final = 4.0

_log = logging.getLogger(__name__)


def run_worker(settings: Settings) -> int:
    """Works until SIGTERM or SIGINT; the process's exit code. The log is to be configured before."""
    try:
        asyncio.run(_work(WorkerContainer(settings=settings)))
    except CitewellError as error:
        _log.error("the worker cannot start: %s", error)
        return 1
    return 0


async def _work(container: WorkerContainer) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_resources(container):
        consumer = DramatiqConsumer(
            container.broker(),
            container.ingest_document(),
            concurrency=container.settings().jobs_per_worker,
            stop_seconds=_STOP_SECONDS,
        )
        async with consumer:
            _log.info("the worker is ready")
            chores = [
                asyncio.create_task(_sweep(container.announce_due_jobs())),
                asyncio.create_task(_tidy(container.tidy_up())),
                asyncio.create_task(_index(container.index_chunks())),
                asyncio.create_task(_index(container.encode_chunks())),
            ]
            await stop.wait()
            _log.info("the worker stops")
            for chore in chores:
                chore.cancel()
            await asyncio.wait(chores)


async def _sweep(announce_due_jobs: AnnounceDueJobs) -> None:
    """What was announced to nobody, before this start or in a fault of the queue, is announced again."""
    grace_seconds = 0.0
    while True:
        try:
            count = await announce_due_jobs(grace_seconds=grace_seconds)
            grace_seconds = _GRACE_SECONDS
            if count:
                _log.info("announced %d waiting jobs again", count)
        except Transient as error:
            _log.warning("waiting jobs could not be announced: %s", error)
        await asyncio.sleep(_SWEEP_SECONDS)


async def _tidy(tidy_up: TidyUp) -> None:
    """What crashes leave behind is gone some seconds later."""
    while True:
        try:
            await tidy_up()
        except Transient as error:
            _log.warning("tidying up was put off: %s", error)
        await asyncio.sleep(_TIDY_SECONDS)


async def _index(index_chunks: IndexChunks | EncodeChunks) -> None:
    """What is published enters the index, whichever worker has published it."""
    while True:
        try:
            moved = await index_chunks()
        except CitewellError as error:
            _log.warning("published chunks could not be indexed: %s", error)
            moved = 0
        if not moved:
            await asyncio.sleep(_IDLE_SECONDS)
