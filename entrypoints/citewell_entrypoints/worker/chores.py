"""What a worker does besides ingesting: what mends itself, in loops that nothing ends but the stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from citewell.errors import CitewellError
from citewell.usecases import AnnounceDueJobs
from citewell_entrypoints.container import WorkerContainer

__all__ = ["Chore", "chores_of", "doing"]

#: A job that nobody took for this long after its announcement is announced again.
_GRACE_SECONDS: Final = 20.0
_CANCEL_AGAIN_SECONDS: Final = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do again and again, with pauses between. name: for the log."""

    name: str
    work: Callable[[], Awaitable[object]]
    pause_seconds: float


def chores_of(container: WorkerContainer) -> list[Chore]:
    """The chores of a worker whose adapters are open."""
    index_chunks = container.index_chunks()
    encode_chunks = container.encode_chunks()
    orphan_seconds = container.settings().orphan_seconds

    async def index_all() -> None:
        while await index_chunks():
            pass

    async def encode_all() -> None:
        while await encode_chunks():
            pass

    return [
        Chore("announcing waiting jobs", _Announcing(container.announce_due_jobs()), 2.0),
        Chore("collecting orphans", container.collect_contents(), 5.0),
        Chore("indexing published chunks", index_all, 1.0),
        Chore("adding words to chunks that lack them", encode_all, 1.0),
        # Lists what is coming in, which a bucket counts as a request.
        Chore("forgetting broken uploads", container.expire_uploads(), max(5.0, orphan_seconds / 4)),
        Chore("forgetting old events and keys", container.forget_history(), 3_600.0),
    ]


@asynccontextmanager
async def doing(chores: Iterable[Chore]) -> AsyncIterator[None]:
    """Does the chores as long as the context lasts."""
    tasks = [asyncio.create_task(_repeated(chore)) for chore in chores]
    try:
        yield
    finally:
        going = set(tasks)
        # Before Python 3.12 a cancellation is lost where what was waited for, such as a connection of the
        # pool, comes at the same moment (python/cpython#86296).
        while going:
            for task in going:
                task.cancel()
            _, going = await asyncio.wait(going, timeout=_CANCEL_AGAIN_SECONDS)


async def _repeated(chore: Chore) -> None:
    """Whatever goes wrong is told and tried again: who waits for a chore waits for it for ever otherwise."""
    while True:
        try:
            await chore.work()
        except CitewellError as error:
            _log.warning("%s was put off: %s", chore.name, error)
        except Exception:  # noqa: BLE001 - a defect must not end the loop
            _log.exception("%s failed in an unexpected way", chore.name)
        await asyncio.sleep(chore.pause_seconds)


class _Announcing:
    """After a start all that waits is announced at once: what was announced before may be lost."""

    def __init__(self, announce_due_jobs: AnnounceDueJobs) -> None:
        self._announce_due_jobs = announce_due_jobs
        self._grace_seconds = 0.0

    async def __call__(self) -> None:
        count = await self._announce_due_jobs(grace_seconds=self._grace_seconds)
        self._grace_seconds = _GRACE_SECONDS
        if count:
            _log.info("announced %d waiting jobs again", count)
