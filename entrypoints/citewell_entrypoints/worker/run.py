"""The worker's life: open; consume, sweep and index until told to stop; put the work down, close."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from typing import Final

from citewell.errors import CitewellError
from citewell_adapters.dramatiq import DramatiqConsumer
from citewell_entrypoints.chores import doing
from citewell_entrypoints.container import WorkerContainer
from citewell_entrypoints.lifespan import open_resources
from citewell_entrypoints.settings import Settings
from citewell_entrypoints.worker.chores import chores_of

__all__ = ["run_worker"]

#: Shorter than any grace that a supervisor gives before it kills.
_STOP_SECONDS: Final = 4.0

#: What is made of a document holds no cycles, so the collector would look through it for nothing.
_GC_THRESHOLD: Final = 10_000
#: Seconds after which a thread that computes lets the event loop go on, which has commits under way.
_SWITCH_SECONDS: Final = 0.001

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
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, 10, 10)
        sys.setswitchinterval(_SWITCH_SECONDS)
        consumer = DramatiqConsumer(
            container.broker(),
            container.steady_ingest(),
            concurrency=container.settings().jobs_per_worker,
            stop_seconds=_STOP_SECONDS,
        )
        async with consumer:
            _log.info("the worker is ready")
            async with doing(chores_of(container)):
                await stop.wait()
            _log.info("the worker stops")
