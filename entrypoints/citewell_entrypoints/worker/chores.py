"""What a worker does besides ingesting: what mends itself."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from citewell.usecases import AnnounceDueJobs
from citewell_entrypoints.chores import Chore
from citewell_entrypoints.container import WorkerContainer

__all__ = ["chores_of"]

#: A job that nobody took for this long after its announcement is announced again.
_GRACE_SECONDS: Final = 20.0

_log = logging.getLogger(__name__)


def chores_of(container: WorkerContainer) -> list[Chore]:
    """The chores of a worker whose adapters are open."""
    orphan_seconds = container.settings().orphan_seconds
    return [
        Chore("announcing waiting jobs", _Announcing(container.announce_due_jobs()), 2.0),
        Chore("collecting orphans", container.collect_contents(), 5.0),
        Chore("indexing published chunks", _all_of(container.index_chunks()), 1.0),
        Chore("adding words to chunks that lack them", _all_of(container.encode_chunks()), 1.0),
        # Lists what is coming in, which a bucket counts as a request.
        Chore("forgetting broken uploads", container.expire_uploads(), max(5.0, orphan_seconds / 4)),
        Chore("forgetting old events and keys", container.forget_history(), 3_600.0),
    ]


def _all_of(batch: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[None]]:
    """Batch after batch until there is none."""

    async def work() -> None:
        while await batch():
            pass

    return work


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
