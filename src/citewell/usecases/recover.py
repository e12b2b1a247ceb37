"""Announcing again what may have lost its announcement."""

from __future__ import annotations

from citewell.ports import JobQueue, JobStore

__all__ = ["AnnounceDueJobs"]

_AT_ONCE = 100


class AnnounceDueJobs:
    """Announces jobs that could have been claimed and were not: the queue may have forgotten them."""

    def __init__(self, *, jobs: JobStore, queue: JobQueue) -> None:
        self._jobs = jobs
        self._queue = queue

    async def __call__(self, *, grace_seconds: float) -> int:
        """How many were announced: jobs that could have been claimed for at least `grace_seconds`.

        Announcing a job twice does no harm: one worker can claim it.
        """
        due = await self._jobs.due(grace_seconds=grace_seconds, limit=_AT_ONCE)
        for job_id in due:
            await self._queue.announce(job_id)
        return len(due)
